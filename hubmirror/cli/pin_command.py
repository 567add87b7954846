"""``hubmirror pin``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import UsageError
from hubmirror.evidence import Pin
from hubmirror.lifecycle.marking import pin, unpin
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.writer import Turn

_DESCRIPTION = """\
Keep a publication for as long as it is pinned, whatever `hubmirror prune` is told to keep.

TARGET is a publication (the first digits of its digest will do), or a repo that the current one
holds, which is then kept for its sake. Without a TARGET the pins are listed. Pins are published:
bundles and copies carry them along.
"""
_EXAMPLES = """\
Examples:
  hubmirror pin 48faa057 --reason "the paper of 2026"
  hubmirror pin pytorch/vision:v0.10.0
  hubmirror pin --list
  hubmirror pin pytorch/vision:v0.10.0 --remove
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("pin", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "target",
        metavar="PUBLICATION|OWNER/REPO[:REF]",
        nargs="?",
        default="",
        help="What to keep; without it the pins are listed.",
    )
    made.add_argument("--reason", metavar="TEXT", default="", help="Why it is kept.")
    made.add_argument("--remove", action="store_true", help="Let go of it again.")
    made.add_argument("--list", action="store_true", help="List the pins.")
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Pin, let go or list."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    verb = "pin remove" if arguments.remove else "pin"
    turn = Turn(verb, arguments.wait, arguments.take_over)
    if arguments.list or not arguments.target:
        if arguments.remove or arguments.target:
            raise UsageError("--remove needs a TARGET, and --list has none")
        with Mirror.open(settings.require_mirror()) as mirror:
            pins = mirror.evidence(mirror.serving().publication).pins
        _show("", pins, as_json=arguments.as_json)
    elif arguments.remove:
        _show("let go", unpin(settings, arguments.target, turn), as_json=arguments.as_json)
    else:
        made = pin(settings, arguments.target, arguments.reason, turn)
        _show("pinned", [made], as_json=arguments.as_json)
    return 0


def _show(done: str, pins: Sequence[Pin], *, as_json: bool) -> None:
    if as_json:
        render.document({"pins": [_fields(one) for one in pins]})
    elif done:
        for one in pins:
            render.say(f"{done}: {one.spec}, publication {one.publication.hex[:12]}")
    elif not pins:
        render.say("nothing is pinned")
    else:
        rows = [(one.spec, one.publication.hex[:12], one.at, one.reason) for one in pins]
        render.table(("PINNED FOR", "PUBLICATION", "SINCE", "REASON"), rows)


def _fields(one: Pin) -> dict[str, object]:
    return {
        "spec": one.spec,
        "publication": one.publication.hex,
        "reason": one.reason,
        "since": one.at,
    }
