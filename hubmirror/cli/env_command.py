"""``hubmirror env``."""

from __future__ import annotations

import argparse
import shlex

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.hub.inheritance import variables
from hubmirror.settings import Settings

_DESCRIPTION = """\
Print the variables that `hubmirror run` sets, for scripts that start their processes themselves.

The publication is the one that is current now, by its full digest: evaluated once at the head of
a batch script, it holds all processes of the job to it, on every node.
"""
_EXAMPLES = """\
Examples:
  hubmirror env --mirror /mnt/hubmirror
  eval "$(hubmirror env)" && srun python train.py
  hubmirror env --shell json
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("env", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_publication()
    made.add_argument(
        "--shell",
        choices=("sh", "json"),
        metavar="sh|json",
        default="sh",
        help="How to print them: as `export` lines (the default), or as one JSON document.",
    )
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print the variables."""
    settings = Settings.load(mirror=arguments.mirror, publication=arguments.publication)
    found = variables(settings)
    if arguments.shell == "json":
        render.document(dict(found))
    else:
        for name, value in found.items():
            render.say(f"export {name}={shlex.quote(value)}")
    return 0
