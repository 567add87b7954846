"""``hubmirror prune``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.durations import parse_duration
from hubmirror.errors import ExitCode, InvalidInputError
from hubmirror.lifecycle.keeping import Fate, PrunePlan, Rule, Stored
from hubmirror.lifecycle.pruning import plan_prune, prune
from hubmirror.settings import Settings
from hubmirror.writer import Turn

_DESCRIPTION = """\
Remove what no kept publication needs.

Kept are the newest publications of --keep-publications different contents, all that are younger
than --keep-days, whatever is pinned, and what was exported and not acknowledged. Others are first
retired: readers may go on with them for --reader-grace, and a prune after that removes them, with
the blobs that only they need. Without either --keep option it is 3 publications and 30 days; one
given alone stands alone. The plan is printed first; without --yes it asks, and where there is no
terminal to ask it ends with 6.
"""
_EXAMPLES = """\
Examples:
  hubmirror prune --dry-run
  hubmirror prune --keep-publications 5 --yes
  hubmirror prune --keep-days 90 --reader-grace 21d --yes --wait 2h
"""
_PLANNED = {
    Fate.KEEP: "keep",
    Fate.RETIRE: "retire",
    Fate.RETIRED: "retired already",
    Fate.REMOVE: "remove",
}
_DONE = _PLANNED | {Fate.KEEP: "kept", Fate.RETIRE: "retired", Fate.REMOVE: "removed"}


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("prune", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "--keep-publications",
        metavar="N",
        type=_at_least_one,
        help="Keep the newest N of different content.",
    )
    made.add_argument(
        "--keep-days", metavar="D", type=_days, help="Keep all that are younger than D days."
    )
    made.add_argument(
        "--reader-grace",
        metavar="TIME",
        type=parse_duration,
        default=parse_duration("14d"),
        help="How long readers of a retired publication may go on (default 14d): longer than the "
        "longest job.",
    )
    made.add_argument(
        "--export-grace",
        metavar="TIME",
        type=parse_duration,
        default=parse_duration("90d"),
        help="How long an export waits for its receipt (default 90d).",
    )
    made.add_argument("--dry-run", action="store_true", help="Print the plan and stop.")
    made.add_argument("--yes", action="store_true", help="Do it without asking.")
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Plan, ask, act."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    rule = _rule(arguments)
    now = datetime.now(UTC)
    if arguments.yes and not arguments.dry_run:
        plan, is_done = prune(settings, rule, _turn(arguments), now), True
    else:
        plan, is_done = plan_prune(settings, rule, now), False
    _show(plan, is_done=is_done, as_json=arguments.as_json)
    if is_done or arguments.dry_run or plan.is_empty():
        return 0
    if arguments.as_json or not _agrees():
        render.say_error("nothing was removed: nobody agreed to it", "to do it: --yes")
        return ExitCode.REFUSED
    _show(prune(settings, rule, _turn(arguments), now), is_done=True, as_json=False)
    return 0


def _turn(arguments: argparse.Namespace) -> Turn:
    return Turn("prune", arguments.wait, arguments.take_over)


def _rule(arguments: argparse.Namespace) -> Rule:
    count, days = arguments.keep_publications, arguments.keep_days
    if count is None and days is None:
        count, days = Rule().publications, Rule().days
    return Rule(count or 1, days or 0, arguments.reader_grace, arguments.export_grace)


def _agrees() -> bool:
    if not sys.stdin.isatty():
        return False
    render.note("go on? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _at_least_one(text: str) -> int:
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise InvalidInputError(f"--keep-publications: expected a number from 1 on, got {text!r}")


def _days(text: str) -> float:
    try:
        days = float(text.removesuffix("d"))
    except ValueError:
        days = -1
    if days >= 0:
        return days
    raise InvalidInputError(f"--keep-days: expected a number of days, got {text!r}")


def _show(plan: PrunePlan, *, is_done: bool, as_json: bool) -> None:
    if as_json:
        render.document(_fields(plan, is_done=is_done))
        return
    words = _DONE if is_done else _PLANNED
    for one in plan.publications:
        sequence, name = one.publication.sequence, one.digest.hex[:12]
        render.say(f"{words[one.fate]}: sequence {sequence} ({name}): {one.reason}")
    if plan.leftovers:
        files = render.count(len(plan.leftovers), "file")
        render.say(f"{words[Fate.REMOVE]}: {files} of killed runs")
    if plan.waiting:
        render.say(
            f"wait: {_size(plan.waiting)} that no publication names, and a sync may go on with"
        )
    render.say(f"{words[Fate.REMOVE]}: {_size(plan.blobs)}")


def _size(blobs: Sequence[Stored]) -> str:
    total = sum(one.size_bytes for one in blobs)
    return f"{render.count(len(blobs), 'blob')}, {render.size(total)}"


def _fields(plan: PrunePlan, *, is_done: bool) -> dict[str, object]:
    return {
        "done": is_done,
        "publications": [
            {
                "digest": one.digest.hex,
                "sequence": one.publication.sequence,
                "fate": one.fate.value,
                "reason": one.reason,
                "retired_since": one.since or None,
            }
            for one in plan.publications
        ],
        "blobs": len(plan.blobs),
        "freed_bytes": sum(one.size_bytes for one in plan.blobs),
        "waiting_blobs": len(plan.waiting),
        "waiting_bytes": sum(one.size_bytes for one in plan.waiting),
        "leftovers": list(plan.leftovers),
    }
