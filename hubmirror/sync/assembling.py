"""Turns a plan and its outcomes into units, a lock and a report. Pure.

A unit advances as a whole or not at all: one that failed keeps the rows that it had.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hubmirror.drift import Resolution
from hubmirror.errors import HubmirrorError, InvalidInputError
from hubmirror.manifest.locked import (
    Lock,
    LockedCheckpoint,
    LockedRepo,
    LockedRequest,
    LockedSnapshot,
)
from hubmirror.plan import SourcePlan, UnitPlan
from hubmirror.records import (
    BlobRef,
    CheckpointRow,
    RepoKey,
    RepoRow,
    SnapshotRow,
    Source,
    Unit,
    UnitState,
)
from hubmirror.specs import RepoSpec
from hubmirror.sync.fetching import Outcomes, Snapshots, fetch_key
from hubmirror.sync.report import UnitReport
from hubmirror.sync.weights import Weights


@dataclass(frozen=True, slots=True)
class Assembled:
    """What a source is after its sync.

    Attributes:
        source: Its name and lock, as the catalog embeds them.
        lock: The same lock as a value.
        units: Its units.
        reports: What was done for each unit.
        arrived: Blobs that came in and may have their names once the lock is written.
    """

    source: Source
    lock: Lock
    units: tuple[Unit, ...]
    reports: tuple[UnitReport, ...]
    arrived: frozenset[BlobRef]

    def by_name(self) -> dict[str, Unit]:
        """Return the units by their names."""
        return {unit.name: unit for unit in self.units}


@dataclass(frozen=True, slots=True)
class _Gathered:
    """One unit's plan and outcomes brought together."""

    plan: UnitPlan
    failure: HubmirrorError | None
    reason: str
    resolution: Resolution | None
    snapshots: tuple[SnapshotRow, ...]
    made: tuple[SnapshotRow, ...]
    weights: tuple[Weights, ...]
    checkpoints: tuple[CheckpointRow, ...]
    warnings: tuple[str, ...]


def assemble(
    plan: SourcePlan,
    outcomes: Outcomes,
    previous: Mapping[str, Unit],
    is_loadable: Callable[[Unit], bool],
    described: Mapping[CheckpointRow, CheckpointRow],
) -> Assembled:
    """Bring a source's plan and outcomes together.

    Args:
        plan: What was to be done.
        outcomes: What became of it.
        previous: The source's units before, by name.
        is_loadable: Tells whether the bytes of a unit are there, so that it can be kept.
        described: Each checkpoint's row, with what its bytes are.
    """
    name = plan.manifest.name
    gathered = [_gather(name, unit, outcomes, described) for unit in plan.units]
    units = tuple(_unit(name, item, previous.get(item.plan.name), is_loadable) for item in gathered)
    lock = _lock(plan, gathered)
    arrived = {one.row.blob for item in gathered for one in item.weights}
    for item in gathered:
        arrived.update(*(row.blobs() for row in item.made))
    # What a killed run brought in is held, not fetched, and waits for its name as well.
    arrived.update(*(unit.blobs() for unit in units))
    return Assembled(
        source=Source(name, lock.encode()),
        lock=lock,
        units=units,
        reports=tuple(_report(unit, item) for unit, item in zip(units, gathered, strict=True)),
        arrived=frozenset(arrived),
    )


def _gather(
    source: str,
    plan: UnitPlan,
    outcomes: Outcomes,
    described: Mapping[CheckpointRow, CheckpointRow],
) -> _Gathered:
    failures = [plan.failure] if plan.failure else []
    warnings: list[str] = [
        one.message
        for one in plan.findings
        if one.is_warning and not (plan.failure and one.message in plan.failure.message)
    ]
    resolution, made = plan.resolution, tuple[SnapshotRow, ...]()
    match outcomes.snapshots.get((source, plan.name)):
        case Snapshots() as found:
            made = found.rows
            warnings += found.warnings
            missing = frozenset(plan.make)
            if resolution:
                requests = {
                    typed: tuple(
                        found.refs.get(row, row)
                        for row in rows
                        if row in found.refs or row not in missing
                    )
                    for typed, rows in resolution.requests.items()
                }
                resolution = replace(resolution, requests=requests)
        case HubmirrorError() as error:
            failures.append(error)
        case None:
            pass
    weights: list[Weights] = []
    for wanted in plan.fetch:
        match outcomes.weights[fetch_key(wanted)]:
            case Weights() as fetched:
                weights.append(fetched)
                warnings += fetched.warnings
            case HubmirrorError() as error:
                failures.append(error)
    warnings += _doubts(plan, resolution)
    rows = {row.url: row for row in (*plan.held_checkpoints, *(one.row for one in weights))}
    return _Gathered(
        plan=plan,
        failure=failures[0] if failures else None,
        reason="; ".join(error.message for error in failures),
        resolution=resolution,
        snapshots=tuple(sorted({*plan.held_snapshots, *made}, key=lambda row: row.commit)),
        made=made,
        weights=tuple(weights),
        checkpoints=tuple(described[rows[url]] for url in sorted(rows)),
        warnings=tuple(warnings),
    )


def _doubts(plan: UnitPlan, resolution: Resolution | None) -> Iterator[str]:
    """Say where a trace may not tell all that is needed."""
    commits = {ref.commit for ref in resolution.refs()} if resolution else set[str]()
    for one in plan.traced:
        if commits and one.commit not in commits:
            yield (
                f"{one.call} was traced at commit {one.commit[:12]}, which no ref names any more: "
                "trace it again"
            )
        if one.incomplete:
            yield f"{one.call}: its trace is incomplete: {'; '.join(one.incomplete)}"


def _unit(
    source: str, item: _Gathered, before: Unit | None, is_loadable: Callable[[Unit], bool]
) -> Unit:
    spec = item.plan.spec
    wanted = tuple(entrypoint.call for entrypoint in spec.entrypoints) if spec else ()
    if item.failure is None:
        repo = planned_repo(spec, item.resolution, item.snapshots) if spec else None
        return Unit(source, item.plan.name, UnitState.COMPLETE, "", repo, item.checkpoints, wanted)
    if before and before.state is not UnitState.INCOMPLETE and is_loadable(before):
        return replace(before, state=UnitState.STALE, reason=item.reason)
    repo = planned_repo(spec, None, ()) if spec else None
    return Unit(source, item.plan.name, UnitState.INCOMPLETE, item.reason, repo, (), wanted)


def planned_repo(
    spec: RepoSpec, resolution: Resolution | None, snapshots: Iterable[SnapshotRow]
) -> RepoRow:
    """Return a repo's row as its resolution has it."""
    refs = resolution.refs() if resolution else ()
    wanted = {ref.commit for ref in refs}
    return RepoRow(
        title=spec.title,
        key=spec.key,
        url=spec.url,
        default_branch=resolution.default_branch if resolution else "",
        aliases=_aliases(spec, resolution),
        refs=refs,
        snapshots=tuple(row for row in snapshots if row.commit in wanted),
    )


def _aliases(spec: RepoSpec, resolution: Resolution | None) -> tuple[str, ...]:
    """Return the declared aliases, and the name that a renamed repo has now."""
    aliases = {RepoKey.parse(alias): alias for alias in spec.aliases}
    if resolution and resolution.moved_to:
        parts = resolution.moved_to.strip("/").removesuffix(".git").split("/")
        name = "/".join(parts[-2:])
        with contextlib.suppress(InvalidInputError):  # a host may redirect to what names no repo
            aliases.setdefault(RepoKey.parse(name), name)
    return tuple(sorted(alias for key, alias in aliases.items() if key != spec.key))


def _lock(plan: SourcePlan, gathered: Iterable[_Gathered]) -> Lock:
    """Pin what came in; what failed stays pinned as it was."""
    before = plan.lock
    repos: list[LockedRepo] = []
    checkpoints: dict[str, LockedCheckpoint] = {}
    for item in gathered:
        spec = item.plan.spec
        if spec and item.failure is None and item.resolution:
            locked = _lock_repo(spec, item.resolution, item.snapshots)
            repos.append(replace(locked, entrypoints=item.plan.traced))
        elif spec and before and (pinned_repo := before.repo(spec.key)):
            repos.append(replace(pinned_repo, entrypoints=item.plan.traced))
        wanted = [one.spec for one in item.plan.fetch] + [*(spec.checkpoints if spec else ())]
        for checkpoint in wanted:
            if before and (pinned := before.checkpoint(checkpoint.url)):
                checkpoints[pinned.url] = pinned
        for row in item.checkpoints:
            checkpoints[row.url] = LockedCheckpoint(row.url, row.digest, row.size_bytes)
    return Lock(plan.manifest.name, tuple(repos), tuple(checkpoints.values()))


def _lock_repo(
    spec: RepoSpec, resolution: Resolution, snapshots: Iterable[SnapshotRow]
) -> LockedRepo:
    row = planned_repo(spec, resolution, snapshots)
    return LockedRepo(
        key=str(spec.key),
        url=spec.url,
        default_branch=resolution.default_branch,
        requests=tuple(LockedRequest(ref, rows) for ref, rows in resolution.requests.items()),
        snapshots=tuple(
            LockedSnapshot(one.commit, one.digest, one.size_bytes, spec.content)
            for one in row.snapshots
        ),
        moved_to=resolution.moved_to,
    )


def _report(unit: Unit, item: _Gathered) -> UnitReport:
    made = {row.commit for row in item.made}
    refs = item.resolution.refs() if item.resolution else ()
    return UnitReport(
        source=unit.source,
        name=unit.repo.title if unit.repo else unit.name,
        state=unit.state,
        made=tuple(ref.name for ref in refs if ref.commit in made),
        fetched=tuple(one.row.url for one in item.weights),
        fetched_bytes=sum(one.row.size_bytes for one in item.weights),
        failure=item.failure,
        warnings=item.warnings,
        findings=item.plan.findings,
        drift_held=any(one.is_held for one in item.plan.findings),
        has_asked=not item.plan.is_idle() or bool(item.resolution and item.resolution.asked),
    )
