"""``hubmirror rollback``."""

from __future__ import annotations

import argparse

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.lifecycle.going_back import RolledBack, roll_back
from hubmirror.settings import Settings
from hubmirror.writer import Turn

_DESCRIPTION = """\
Let readers see the content of an older publication again, and put publishing on hold.

Takes an instant, also while a sync is at work: that one goes on fetching, and does not publish.
Until `hubmirror release` every sync does the same, and ends with 6. Jobs that are running go on
with what they began with. What is quarantined or pinned now stays so.
"""
_EXAMPLES = """\
Examples:
  hubmirror rollback 48faa057
  hubmirror rollback 48faa057 --reason "resnet50 gives other results"
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("rollback", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "publication",
        metavar="PUBLICATION",
        help="Whose content comes back; the first digits of its digest will do.",
    )
    made.add_argument(
        "--reason", metavar="TEXT", default="", help="Why, for the history and the audit log."
    )
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Go back, and say what readers see now."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    turn = Turn("rollback", arguments.wait, arguments.take_over)
    done = roll_back(settings, arguments.publication, arguments.reason, turn)
    if arguments.as_json:
        render.document(_fields(done))
    elif done.published:
        render.say(
            f"published sequence {done.published.publication.sequence} "
            f"({done.published.digest.hex[:12]}): the content of sequence "
            f"{done.content.sequence} ({done.target.hex[:12]}) again"
        )
    else:
        render.say(f"readers see the content of {done.target.hex[:12]} already")
    if not arguments.as_json:
        render.say("publishing is on hold until `hubmirror release`")
    return 0


def _fields(done: RolledBack) -> dict[str, object]:
    published = done.published
    return {
        "target": done.target.hex,
        "publication": published.digest.hex if published else None,
        "sequence": published.publication.sequence if published else None,
        "held": True,
    }
