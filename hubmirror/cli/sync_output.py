"""How a sync's plan and report look."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hubmirror import urls
from hubmirror.cli import render
from hubmirror.errors import ExitCode
from hubmirror.plan import SourcePlan, UnitPlan
from hubmirror.records import UnitState
from hubmirror.sync import SyncReport, UnitReport


def progress(line: str) -> None:
    """Say on stderr what was just done."""
    click.echo(line, err=True)


def silence(_: str) -> None:
    """Say nothing."""


def show_plan(plans: Sequence[SourcePlan], *, as_json: bool) -> ExitCode:
    """Print what a sync would do."""
    if as_json:
        render.document({"sources": [_plan_fields(plan) for plan in plans]})
    else:
        for plan in plans:
            click.echo(f"{plan.manifest.name} ({plan.manifest.file})")
            for unit in plan.units:
                for line in _plan_lines(unit):
                    click.echo(f"  {line}")
    failed = any(unit.failure for plan in plans for unit in plan.units)
    return ExitCode.INCOMPLETE if failed else ExitCode.OK


def _plan_lines(unit: UnitPlan) -> list[str]:
    title = unit.spec.title if unit.spec else urls.redact(unit.name)
    if unit.failure:
        return [f"{title}: fails: {unit.failure.message}"]
    lines = [
        f"{title}:{ref.name}: make a snapshot of {ref.kind} {ref.commit or '(to be looked up)'}"
        for ref in unit.make
    ]
    lines += [f"{title}: fetch {urls.redact(one.spec.url)}" for one in unit.fetch]
    return lines or [f"{title}: nothing to do"]


def _plan_fields(plan: SourcePlan) -> dict[str, object]:
    return {
        "name": plan.manifest.name,
        "file": plan.manifest.file,
        "units": [
            {
                "name": unit.spec.title if unit.spec else unit.name,
                "failure": unit.failure.message if unit.failure else None,
                "refs": [
                    {"name": ref.name, "kind": ref.kind.value, "commit": ref.commit}
                    for ref in (unit.resolution.refs() if unit.resolution else ())
                ],
                "make": [ref.name for ref in unit.make],
                "fetch": [one.spec.url for one in unit.fetch],
            }
            for unit in plan.units
        ],
    }


def show_report(report: SyncReport, *, as_json: bool) -> ExitCode:
    """Print what a sync did; return its exit code."""
    code = report.exit_code()
    if as_json:
        render.document(_report_fields(report, code))
        return code
    for unit in report.units:
        for warning in unit.warnings:
            click.echo(f"warning: {unit.name}: {warning}", err=True)
    for unit in report.failed():
        _show_failure(unit)
    if report.is_idle():
        click.echo("nothing to do: the mirror is up to date")
    elif report.published:
        counts = report.published.publication.counts
        click.echo(
            f"published sequence {report.published.publication.sequence} "
            f"({report.published.digest.hex[:12]}): {render.count(counts.repos, 'repo')}, "
            f"{render.count(counts.snapshots, 'snapshot')}, "
            f"{render.count(counts.checkpoints, 'checkpoint')}, {render.size(counts.size_bytes)}"
        )
    elif report.held:
        click.echo("publishing is on hold: what was fetched waits, readers see what they saw")
    else:
        click.echo("published nothing new")
    if failed := report.failed():
        units = f"{len(failed)} of {render.count(len(report.units), 'unit')}"
        click.echo(f"{units} did not advance; exit code {int(code)}", err=True)
    return code


def _show_failure(unit: UnitReport) -> None:
    kept = "keeps what it had" if unit.state is UnitState.STALE else "is not loadable yet"
    click.echo(f"{unit.state}: {unit.name} (source {unit.source}) {kept}", err=True)
    if unit.failure:
        click.echo(f"  {unit.failure.message}", err=True)
        if unit.failure.hint:
            click.echo(f"  {unit.failure.hint}", err=True)


def _report_fields(report: SyncReport, code: ExitCode) -> dict[str, object]:
    published = report.published
    return {
        "outcome": code.name.lower(),
        "exit_code": int(code),
        "idle": report.is_idle(),
        "held": report.held,
        "publication": published.digest.hex if published else None,
        "sequence": published.publication.sequence if published else None,
        "locks": list(report.locks),
        "units": [
            {
                "source": unit.source,
                "name": unit.name,
                "state": unit.state.value,
                "made": list(unit.made),
                "fetched": list(unit.fetched),
                "fetched_bytes": unit.fetched_bytes,
                "failure": unit.failure.message if unit.failure else None,
                "hint": unit.failure.hint if unit.failure else None,
                "warnings": list(unit.warnings),
                "drift_held": unit.drift_held,
            }
            for unit in report.units
        ],
    }
