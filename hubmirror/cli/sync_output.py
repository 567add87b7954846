"""How a sync's plan and report look."""

from __future__ import annotations

from collections.abc import Sequence

from hubmirror import urls
from hubmirror.cli import render
from hubmirror.errors import ExitCode
from hubmirror.findings import CheckedUrls
from hubmirror.plan import SourcePlan, UnitPlan
from hubmirror.records import UnitState
from hubmirror.sync import SyncReport, UnitReport

_MOST_LINES = 20
"""So many URLs that nobody spoke for are named; where a network is down, it is all of them."""


def progress(line: str) -> None:
    """Say on stderr what was just done."""
    render.note(line)


def show_plan(plans: Sequence[SourcePlan], *, as_json: bool) -> ExitCode:
    """Print what a sync would do; return its exit code if all that it plans went well."""
    code = _foreseen(plans)
    if as_json:
        sources = [_plan_fields(plan) for plan in plans]
        render.document({"dry_run": True, "exit_code": int(code), "sources": sources})
        return code
    for plan in plans:
        render.say(f"{plan.manifest.name} ({plan.manifest.file})")
        for unit in plan.units:
            for line in _plan_lines(unit):
                render.say(f"  {line}")
    return code


def _foreseen(plans: Sequence[SourcePlan]) -> ExitCode:
    units = [
        UnitReport(
            source=plan.manifest.name,
            name=unit.name,
            state=UnitState.INCOMPLETE if unit.failure else UnitState.COMPLETE,
            failure=unit.failure,
        )
        for plan in plans
        for unit in plan.units
    ]
    return SyncReport(tuple(units), None).exit_code()


def _plan_lines(unit: UnitPlan) -> list[str]:
    title = unit.spec.title if unit.spec else urls.redact(unit.name)
    if unit.failure:
        hint = [f"  {line}" for line in unit.failure.hint.splitlines()]
        return [f"{title}: would fail", f"  {unit.failure.message}", *hint]
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
                "hint": unit.failure.hint if unit.failure else None,
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
    for unit in report.units:
        for warning in unit.warnings:
            render.note(f"warning: {unit.name}: {warning}")
    for one in report.dropped:
        what = ": ".join(urls.redact(name) for name in (one.unit, one.name) if name)
        render.note(f"no longer wanted: {what} (source {one.source})")
    if report.checked:
        _note_checked(report.checked)
    if report.dropped:
        render.note("`hubmirror prune` removes its bytes once no kept publication needs them")
    for unit in report.failed():
        _note_failure(unit)
    if failed := report.failed():
        units = f"{len(failed)} of {render.count(len(report.units), 'unit')}"
        render.note(f"{units} did not advance; exit code {int(code)}")
    if as_json:
        render.document(_report_fields(report, code))
    else:
        render.say(_summary(report))
    return code


def _summary(report: SyncReport) -> str:
    if report.is_idle():
        return "nothing to do: the mirror is up to date"
    if report.published:
        publication, digest = report.published.publication, report.published.digest
        counts = publication.counts
        return (
            f"published sequence {publication.sequence} ({digest.hex[:12]}): "
            f"{render.count(counts.repos, 'repo')}, {render.count(counts.snapshots, 'snapshot')}, "
            f"{render.count(counts.checkpoints, 'checkpoint')}, {render.size(counts.size_bytes)}"
        )
    if report.is_cut_off():
        return "no upstream could be reached: nothing was changed"
    if report.held:
        return "publishing is on hold: what was fetched waits, readers see what they saw"
    return "published nothing new"


def _note_checked(checked: CheckedUrls) -> None:
    for sentence in checked.unanswered[:_MOST_LINES]:
        render.note(f"not told: {sentence}")
    if more := len(checked.unanswered[_MOST_LINES:]):
        render.note(f"not told: {more} more")
    render.note(f"{render.count(len(checked.seen), 'URL')} asked again")


def _note_failure(unit: UnitReport) -> None:
    kept = "keeps what it had" if unit.state is UnitState.STALE else "is not loadable yet"
    render.note(f"{unit.state}: {unit.name} (source {unit.source}) {kept}")
    if unit.failure:
        for line in (*unit.failure.message.splitlines(), *unit.failure.hint.splitlines()):
            render.note(f"  {line}")


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
        "dropped": [
            {"source": one.source, "unit": one.unit, "name": one.name or None}
            for one in report.dropped
        ],
        "checked_urls": len(report.checked.seen) if report.checked else None,
        "unanswered": list(report.checked.unanswered) if report.checked else [],
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
                "findings": [render.finding(one) for one in unit.findings],
                "drift_held": unit.drift_held,
            }
            for unit in report.units
        ],
    }
