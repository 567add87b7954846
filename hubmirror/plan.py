"""Decides what a sync has to do; does nothing.

Pure: values in, values out. No clock, disk, network or log. ``sync --dry-run`` prints what
this module returns, and nothing else differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

from hubmirror.drift import Resolution, judge_drift, judge_gone
from hubmirror.errors import GoneError, HubmirrorError
from hubmirror.findings import Finding
from hubmirror.manifest.locked import Lock, LockedEntrypoint
from hubmirror.records import BlobRef, CheckpointRow, Digest, RefRow, RepoKey, SnapshotRow
from hubmirror.specs import CheckpointSpec, Manifest, RepoSpec, SyncSettings


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """A checkpoint whose bytes are missing.

    ``pinned`` is the digest that the lock, or what was seen before, demands; None at first
    sight. The manifest's own ``spec.sha256`` outranks it.
    """

    spec: CheckpointSpec
    pinned: Digest | None


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """What one unit needs.

    Attributes:
        name: The unit's name.
        spec: Its repo; None for a checkpoint that belongs to no repo.
        resolution: What its refs mean; None where there is no repo, or that failed.
        failure: Why it cannot advance; nothing is fetched for it then.
        make: Refs whose snapshot is missing.
        held_snapshots: Snapshots that are there.
        fetch: Checkpoints whose bytes are missing.
        held_checkpoints: Checkpoints whose bytes are there.
        findings: What upstream did since the lock.
        kept_refs: Refs that stay at their locked commit although they, or their repo, moved.
        traced: What the lock knows of the entrypoints that are declared still.
    """

    name: str
    spec: RepoSpec | None
    resolution: Resolution | None
    failure: HubmirrorError | None
    make: tuple[RefRow, ...]
    held_snapshots: tuple[SnapshotRow, ...]
    fetch: tuple[FetchPlan, ...]
    held_checkpoints: tuple[CheckpointRow, ...]
    findings: tuple[Finding, ...] = ()
    kept_refs: frozenset[RefRow] = frozenset()
    traced: tuple[LockedEntrypoint, ...] = ()

    def most_bytes(self, settings: SyncSettings) -> int | None:
        """Return how large one of its files may be, by its own word or its manifest's."""
        return (self.spec.max_size_bytes if self.spec else None) or settings.max_size_bytes

    def is_idle(self) -> bool:
        """Tell whether everything this unit needs is there."""
        return not (self.failure or self.make or self.fetch)


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What one source needs."""

    manifest: Manifest
    lock: Lock | None
    units: tuple[UnitPlan, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What the writer knows before it fetches anything.

    Attributes:
        snapshots: The snapshots in its index, by repo, commit and ``RepoSpec.content``.
        checkpoints: The checkpoints of other sources, and those that arrived in a run that
            was killed, by URL.
        present: The blobs whose bytes are there.
    """

    snapshots: Mapping[tuple[RepoKey, str, str], SnapshotRow]
    checkpoints: Mapping[str, CheckpointRow]
    present: Set[BlobRef]


def plan_source(
    manifest: Manifest,
    lock: Lock | None,
    resolutions: Mapping[RepoKey, Resolution | HubmirrorError],
    known: Known,
) -> SourcePlan:
    """Compare what a manifest wants with what the mirror holds."""
    units = [
        replace(_plan_repo(spec, lock, resolutions[spec.key], known), traced=_traced(spec, lock))
        for spec in manifest.repos
    ]
    for loose in manifest.checkpoints:
        fetch, held = _plan_checkpoints([loose], lock, known)
        units.append(UnitPlan(loose.url, None, None, None, (), (), fetch, held))
    return SourcePlan(manifest, lock, tuple(units))


def _traced(spec: RepoSpec, lock: Lock | None) -> tuple[LockedEntrypoint, ...]:
    locked = lock.repo(spec.key) if lock else None
    found = (locked.entrypoint(one.call) for one in spec.entrypoints) if locked else ()
    return tuple(one for one in found if one)


def _plan_repo(
    spec: RepoSpec,
    lock: Lock | None,
    found: Resolution | HubmirrorError,
    known: Known,
) -> UnitPlan:
    name = str(spec.key)
    locked = lock.repo(spec.key) if lock else None
    if isinstance(found, GoneError):
        judged = judge_gone(spec, found, locked)
    elif isinstance(found, HubmirrorError):
        return UnitPlan(name, spec, None, found, (), (), (), ())
    else:
        judged = judge_drift(spec, found, locked)
    resolution = judged.resolution
    if judged.refusal:
        return UnitPlan(
            name, spec, resolution, judged.refusal, (), (), (), (), findings=judged.findings
        )
    make: list[RefRow] = []
    held: dict[str, SnapshotRow] = {}
    for ref in resolution.refs():
        row = known.snapshots.get((spec.key, ref.commit, spec.content))
        if row and row.blobs() <= known.present:
            held[row.commit] = row
        else:
            make.append(ref)
    fetch, held_checkpoints = _plan_checkpoints(spec.checkpoints, lock, known)
    return UnitPlan(
        name=name,
        spec=spec,
        resolution=resolution,
        failure=None,
        make=tuple(make),
        held_snapshots=tuple(held.values()),
        fetch=fetch,
        held_checkpoints=held_checkpoints,
        findings=judged.findings,
        kept_refs=judged.kept_refs,
    )


def _plan_checkpoints(
    specs: Iterable[CheckpointSpec], lock: Lock | None, known: Known
) -> tuple[tuple[FetchPlan, ...], tuple[CheckpointRow, ...]]:
    fetch: list[FetchPlan] = []
    held: list[CheckpointRow] = []
    for spec in specs:
        row = _known_row(spec, lock, known)
        if row and row.blob in known.present:
            held.append(row)
        else:
            fetch.append(FetchPlan(spec, row.digest if row else None))
    return tuple(fetch), tuple(held)


def _known_row(spec: CheckpointSpec, lock: Lock | None, known: Known) -> CheckpointRow | None:
    """Say which bytes a URL stands for: the manifest outranks the lock, the lock all else."""
    locked = lock.checkpoint(spec.url) if lock else None
    row = known.checkpoints.get(spec.url)
    if locked and not (row and row.digest == locked.digest):
        row = CheckpointRow(spec.url, locked.digest, locked.size_bytes)
    if row and (spec.sha256 or row.digest) == row.digest and row.digest.hex.startswith(spec.prefix):
        return row
    return None
