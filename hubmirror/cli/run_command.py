"""``hubmirror run``."""

from __future__ import annotations

import argparse
import os
import sys

from hubmirror.cli.node import Parser
from hubmirror.errors import NotFoundError
from hubmirror.hub.inheritance import variables
from hubmirror.settings import Settings

_DESCRIPTION = """\
Run a command, with every Python process in it loading from the mirror.

The script needs no edit: what it and its children (torchrun's ranks, DataLoader workers, other
Pythons) ask of torch.hub, of URLs and of the Hugging Face cache is answered from one publication,
and the network is refused, from the moment that a process imports torch, huggingface_hub,
urllib.request, urllib3 (so requests), httpx or httpx2.
The command takes the place of this process: its exit code and signals are its own. Pythons
started with -I, -E or -S cannot be reached.
"""
_EXAMPLES = """\
Examples:
  hubmirror run -- python train.py --epochs 3
  hubmirror run --mirror /mnt/hubmirror torchrun --nproc-per-node 8 train.py
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("run", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_publication()
    made.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND ...",
        help="What to run, with its own options.",
    )
    return made


def run(arguments: argparse.Namespace) -> int:
    """Become the command; comes back only where it cannot be started."""
    words: list[str] = arguments.command
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        parser().error("no command to run")
    settings = Settings.load(mirror=arguments.mirror, publication=arguments.publication)
    environment = {**settings.variables, **variables(settings)}
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(words[0], words, environment)  # noqa: S606 - it is what the user asks for
    except FileNotFoundError:
        raise NotFoundError(f"{words[0]}: no such program") from None
