"""``hubmirror verify``."""

from __future__ import annotations

import click

from hubmirror.cli import options, render
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.verify import VerifyReport, verify


@click.command(
    epilog="""\b
Examples:
  hubmirror verify
  hubmirror verify --mirror /mnt/hubmirror --json
"""
)
@options.mirror
@options.as_json
def command(mirror: str | None, *, as_json: bool) -> int:
    """Hash every blob that a kept publication names, and compare.

    Reads only, needs no network, and may run while a sync does. Blobs that no publication
    names, and what an interrupted writer left, are reported and harmless; missing or damaged
    bytes end with exit code 4, each with a line on stderr. Remove a damaged file, and the next
    sync (or copy) brings its bytes again.
    """
    settings = Settings.load(mirror=mirror)
    with Mirror.open(settings.require_mirror()) as opened:
        report = verify(opened, jobs=settings.jobs)
    if as_json:
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
