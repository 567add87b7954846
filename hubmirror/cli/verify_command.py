"""``hubmirror verify``."""

from __future__ import annotations

import argparse
import contextlib
import gc
import math
from collections.abc import Iterator
from datetime import UTC, datetime

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.durations import parse_duration
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.state import find_state
from hubmirror.verify import Depth, Finding, Memory, VerifyReport, verify

_DESCRIPTION = """\
Look for every blob that a kept publication names, read its bytes, and compare.

Reads only, needs no network, and may run while a sync does. What is missing, truncated, corrupt or
unreadable ends with exit code 4, each with a line on stderr that says who needs it. Blobs that no
publication names, and what an interrupted writer left, are reported and harmless.

The host that writes the mirror remembers when each blob was read last: a share every night, those
first that wait for longest, sees everything in time. `hubmirror repair` mends what is found.
"""
_EXAMPLES = """\
Examples:
  hubmirror verify
  hubmirror verify --quick
  hubmirror verify --sample 1/7 --max-duration 2h
  hubmirror verify --mirror /mnt/hubmirror --json
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("verify", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_state()
    depth = made.add_mutually_exclusive_group()
    depth.add_argument("--full", action="store_true", help="Read every byte; this is the default.")
    depth.add_argument(
        "--sample", metavar="SHARE", help="Read a share of the bytes, such as 1/7 every night."
    )
    depth.add_argument(
        "--quick", action="store_true", help="Read no blob: presence and size must do."
    )
    made.add_argument(
        "--max-duration",
        metavar="TIME",
        help="Begin to read no further file after this time: 90m, 2h.",
    )
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Verify a mirror, and say what is wrong with it."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    most_s = parse_duration(arguments.max_duration) if arguments.max_duration else math.inf
    depth = _depth(arguments)
    with Mirror.open(settings.require_mirror()) as opened:
        state = find_state(settings, opened.id)
        memory = Memory(state.verified) if state else None
        with _without_collector():
            report = verify(opened, depth=depth, jobs=settings.jobs, most_s=most_s, memory=memory)
    if arguments.as_json:
        render.document(_fields(report))
    else:
        _show(report)
    return ExitCode.VERIFICATION if report.findings else ExitCode.OK


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Look for no cycles meanwhile: there are none among a hundred thousand small values."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _depth(arguments: argparse.Namespace) -> Depth:
    if arguments.quick:
        return Depth.quick()
    return Depth.sample(arguments.sample) if arguments.sample else Depth()


def _show(report: VerifyReport) -> None:
    for fault in report.faults:
        render.note(fault)
    for digest in report.unreferenced:
        render.note(f"unreferenced: {digest}")
    for name in report.leftovers:
        render.note(f"left by an interrupted run: {name}")
    found = render.count(len(report.findings), "fault") if report.findings else "all good"
    looked = f"{render.count(report.checked, 'blob')} ({render.size(report.size_bytes)})"
    if report.hashed == report.checked:
        render.say(f"{looked} read: {found}")
    else:
        read = f"{report.hashed:,} ({render.size(report.hashed_bytes)})"
        render.say(f"{looked} looked for, {read} of them read: {found}")
    if report.oldest_read_at is not None:
        at = datetime.fromtimestamp(report.oldest_read_at, UTC).isoformat(timespec="seconds")
        render.say(f"every blob was read since {at}")


def _fields(report: VerifyReport) -> dict[str, object]:
    return {
        "checked": report.checked,
        "size_bytes": report.size_bytes,
        "hashed": report.hashed,
        "hashed_bytes": report.hashed_bytes,
        "oldest_read_at": report.oldest_read_at,
        "faults": list(report.faults),
        "findings": [_finding(one) for one in report.findings],
        "unreferenced": [digest.hex for digest in report.unreferenced],
        "leftovers": list(report.leftovers),
    }


def _finding(found: Finding) -> dict[str, object]:
    return {
        "fault": found.fault.value,
        "path": found.path,
        "detail": found.detail,
        "sha256": found.digest.hex if found.digest else None,
        "needed_by": list(found.needed_by),
    }
