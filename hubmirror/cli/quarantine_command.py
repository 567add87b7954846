"""``hubmirror quarantine``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import UsageError
from hubmirror.evidence import Quarantined
from hubmirror.lifecycle.marking import let_out, quarantine
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.writer import Turn

_DESCRIPTION = """\
Let nothing be loaded from a blob, wherever this publication is carried.

TARGET is a sha256, the URL of a checkpoint, or a repo, which means the snapshot of that ref. Every
load of it is refused with the reason: under another URL with the same bytes too, and in jobs that
hold to an older publication. A process that has the mirror open already goes on. It takes an
instant, also while a sync is at work. Without a TARGET what is quarantined is listed.
"""
_EXAMPLES = """\
Examples:
  hubmirror quarantine https://example.org/w.pth --reason "its author withdrew it"
  hubmirror quarantine owner/name:v1 --reason "runs a miner"
  hubmirror quarantine --list
  hubmirror quarantine owner/name:v1 --release
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("quarantine", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "target",
        metavar="SHA256|URL|OWNER/REPO[:REF]",
        nargs="?",
        default="",
        help="What may not be loaded; without it what is quarantined is listed.",
    )
    made.add_argument(
        "--reason", metavar="TEXT", default="", help="Why: whoever loads it is told this."
    )
    made.add_argument("--release", action="store_true", help="Let it be loaded again.")
    made.add_argument("--list", action="store_true", help="List what is quarantined.")
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Quarantine, release or list."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    verb = "quarantine release" if arguments.release else "quarantine"
    turn = Turn(verb, arguments.wait, arguments.take_over)
    if arguments.list or not arguments.target:
        if arguments.release or arguments.target:
            raise UsageError("--release needs a TARGET, and --list has none")
        with Mirror.open(settings.require_mirror()) as mirror:
            rows = mirror.evidence(mirror.serving().publication).quarantine
        _show("", rows, as_json=arguments.as_json)
    elif arguments.release:
        let = let_out(settings, arguments.target, turn)
        _show("may be loaded again", [let], as_json=arguments.as_json)
    elif not arguments.reason:
        raise UsageError("--reason is missing: whoever loads it will be told why not")
    else:
        made = quarantine(settings, arguments.target, arguments.reason, turn)
        _show("quarantined", [made], as_json=arguments.as_json)
    return 0


def _show(done: str, rows: Sequence[Quarantined], *, as_json: bool) -> None:
    if as_json:
        render.document({"quarantine": render.quarantined(rows)})
    elif done:
        for one in rows:
            render.say(f"{done}: {one.digest}")
    elif not rows:
        render.say("nothing is quarantined")
    else:
        found = [(one.digest.hex, one.at, one.reason) for one in rows]
        render.table(("SHA256", "SINCE", "REASON"), found)
