"""``hubmirror verify``."""

from __future__ import annotations

import argparse

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.verify import VerifyReport, verify

_DESCRIPTION = """\
Hash every blob that a kept publication names, and compare.

Reads only, needs no network, and may run while a sync does. Blobs that no publication names, and
what an interrupted writer left, are reported and harmless; missing or damaged bytes end with exit
code 4, each with a line on stderr. Remove a damaged file, and the next sync (or copy) brings its
bytes again.
"""
_EXAMPLES = """\
Examples:
  hubmirror verify
  hubmirror verify --mirror /mnt/hubmirror --json
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("verify", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Verify a mirror, and say what is wrong with it."""
    settings = Settings.load(mirror=arguments.mirror)
    with Mirror.open(settings.require_mirror()) as opened:
        report = verify(opened, jobs=settings.jobs)
    if arguments.as_json:
        render.document(_fields(report))
    else:
        _show(report)
    return ExitCode.VERIFICATION if report.faults else ExitCode.OK


def _show(report: VerifyReport) -> None:
    for fault in report.faults:
        render.note(fault)
    for digest in report.unreferenced:
        render.note(f"unreferenced: {digest}")
    for name in report.leftovers:
        render.note(f"left by an interrupted run: {name}")
    checked = f"{render.count(report.checked, 'blob')} ({render.size(report.size_bytes)})"
    if report.faults:
        render.say(f"{render.count(len(report.faults), 'fault')} in {checked}")
    else:
        render.say(f"{checked} verified: all good")


def _fields(report: VerifyReport) -> dict[str, object]:
    return {
        "checked": report.checked,
        "size_bytes": report.size_bytes,
        "faults": list(report.faults),
        "unreferenced": [digest.hex for digest in report.unreferenced],
        "leftovers": list(report.leftovers),
    }
