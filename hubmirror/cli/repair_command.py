"""``hubmirror repair``."""

from __future__ import annotations

import argparse

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import ExitCode
from hubmirror.repair import Left, Order, RepairReport, look, repair
from hubmirror.settings import Settings
from hubmirror.verify import Depth
from hubmirror.writer import Turn

_DESCRIPTION = """\
Find what is bad in the mirror, as verify does, and fetch again just that.

The same bytes are asked of each place named with --from, in this order: another mirror or a copy
of this one, the parts of a bundle, or `upstream`: checkpoints by their URLs, snapshots made again
from git. Without --from, upstream is asked. A damaged file is replaced in one step. What nobody has
stays as it is, and is named with who needs it; the command ends with 4 then.
"""
_EXAMPLES = """\
Examples:
  hubmirror repair
  hubmirror repair --quick --dry-run
  hubmirror repair --from /mnt/other-site/mirror --from upstream
  hubmirror repair --from /media/usb --mirror /srv/hubmirror
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("repair", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "--from",
        dest="sources",
        metavar="PLACE",
        action="append",
        default=[],
        help="A mirror's folder, a part of a bundle or a folder of them, or `upstream`. May be "
        "given more than once.",
    )
    made.add_argument(
        "--quick", action="store_true", help="Read no blob: presence and size must do."
    )
    made.add_argument(
        "--dry-run", action="store_true", help="Say what is bad and who would be asked, and stop."
    )
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Repair a mirror, and say what came of it."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    order = Order(tuple(arguments.sources), Depth.quick() if arguments.quick else Depth())
    if arguments.dry_run:
        report = look(settings, order)
    else:
        turn = Turn("repair", arguments.wait, arguments.take_over)
        report = repair(settings, order, turn)
    if arguments.as_json:
        render.document(_fields(report, is_dry_run=arguments.dry_run))
    else:
        _show(report, is_dry_run=arguments.dry_run)
    return ExitCode.VERIFICATION if report.left and not arguments.dry_run else ExitCode.OK


def _show(report: RepairReport, *, is_dry_run: bool) -> None:
    for warning in report.warnings:
        render.note(f"warning: {warning}")
    for one in report.left:
        render.note(str(one.finding))
        for reason in one.reasons:
            render.note(f"  {reason}")
    for file in report.mended:
        render.say(f"mended {file.path}, from {file.source}")
    found = render.count(len(report.left), "file")
    if is_dry_run:
        asked = ", ".join(report.asked) or "nobody: name a place with --from"
        render.say(f"{found} bad; asked would be: {asked}" if report.left else "nothing is bad")
    elif report.left:
        render.say(f"{render.count(len(report.mended), 'file')} mended, {found} still bad")
        if not report.asked:
            render.note("nobody was asked: name a mirror or a bundle that has it, --from DIR")
    elif report.mended:
        render.say(f"{render.count(len(report.mended), 'file')} mended; all good")
    else:
        render.say("nothing is bad")


def _fields(report: RepairReport, *, is_dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": is_dry_run,
        "asked": list(report.asked),
        "mended": [{"path": one.path, "source": one.source} for one in report.mended],
        "left": [_left(one) for one in report.left],
        "warnings": list(report.warnings),
    }


def _left(one: Left) -> dict[str, object]:
    found = one.finding
    return {
        "fault": found.fault.value,
        "path": found.path,
        "detail": found.detail,
        "sha256": found.digest.hex if found.digest else None,
        "needed_by": list(found.needed_by),
        "reasons": list(one.reasons),
    }
