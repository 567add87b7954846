"""``hubmirror verify``."""

from __future__ import annotations

import click

from hubmirror.cli import options, render
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.verify import VerifyReport, verify


@click.command()
@options.mirror
@options.as_json
def command(mirror: str | None, *, as_json: bool) -> int:
    """Hash every blob that a kept publication names, and compare.

    Needs no network. Blobs that no publication names, and what an interrupted writer left,
    are reported and harmless; missing or damaged bytes end with exit code 4.
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
        click.echo(fault, err=True)
    for digest in report.unreferenced:
        click.echo(f"unreferenced: {digest}", err=True)
    for name in report.leftovers:
        click.echo(f"left by an interrupted run: {name}", err=True)
    checked = f"{render.count(report.checked, 'blob')} ({render.size(report.size_bytes)})"
    if report.faults:
        click.echo(f"{len(report.faults)} faults in {checked}; `hubmirror sync` fetches them again")
    else:
        click.echo(f"{checked} verified: all good")


def _fields(report: VerifyReport) -> dict[str, object]:
    return {
        "checked": report.checked,
        "size_bytes": report.size_bytes,
        "faults": list(report.faults),
        "unreferenced": [digest.hex for digest in report.unreferenced],
        "leftovers": list(report.leftovers),
    }
