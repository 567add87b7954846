"""The lock is closed: an entrypoint that needs what nobody mirrors holds its unit back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from hubmirror.errors import ExitCode
from hubmirror.manifest.lock import Lock, LockedEntrypoint, lock_path, read_lock
from hubmirror.records import UnitState
from hubmirror.sync import Options, plan_sync
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.upstream.hubs import HubRepo
from tests.writer import Writer, wanted

CALL = "small()"
MISSING = "https://h.example/never-mirrored.pth"


def lock_of(manifest: Path) -> Lock:
    lock = read_lock(lock_path(manifest))
    assert lock is not None
    return lock


def trace(manifest: Path, *edges: LockedEntrypoint) -> None:
    """Write into the lock what a trace of its first repo would have seen."""
    lock = lock_of(manifest)
    traced = replace(lock.repos[0], entrypoints=edges)
    lock_path(manifest).write_text(replace(lock, repos=(traced, *lock.repos[1:])).encode())


def edge(
    hub: HubRepo, *, urls: tuple[str, ...] = (), incomplete: tuple[str, ...] = ()
) -> LockedEntrypoint:
    served = tuple(weights.url for weights in hub.weights)
    return LockedEntrypoint(CALL, hub.commit, urls or served, incomplete=incomplete)


def test_edges_that_are_met_are_carried_forward(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub, entrypoints=[CALL])])
    writer.sync(manifest)
    trace(manifest, edge(hub))
    text = lock_path(manifest).read_text()

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert lock_path(manifest).read_text() == text
    assert json.loads(writer.holdings().sources[0].lock)["repos"][hub.name]["entrypoints"]
    assert writer.sync(manifest).is_idle()


def test_a_missing_edge_fails_the_unit_and_the_dry_run_says_so(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub, entrypoints=[CALL])])
    writer.sync(manifest)
    trace(manifest, edge(hub, urls=(MISSING,)))

    (plan,) = plan_sync([manifest], writer.settings, Options())
    report = writer.sync(manifest)

    failure = report.units[0].failure
    assert failure is not None
    assert plan.units[0].failure is not None
    assert plan.units[0].failure.message == failure.message
    assert MISSING in failure.message
    assert report.exit_code() is ExitCode.INCOMPLETE
    assert writer.unit(hub.name).state is UnitState.STALE
    assert lock_of(manifest).repos[0].entrypoints == (edge(hub, urls=(MISSING,)),)


def test_a_nested_repo_that_could_not_be_had_fails_who_needs_it(
    writer: Writer, upstream: Upstream
) -> None:
    inner = hubs.plain_weights(upstream)
    outer = hubs.nested(upstream, inner)
    whole = [wanted(outer, entrypoints=["outer()"]), wanted(inner)]
    manifest = writer.manifest(whole)
    writer.sync(manifest)
    needed = LockedEntrypoint("outer()", outer.commit, repos=(inner.name,))
    trace(manifest, needed)
    lost = {**wanted(inner), "checkpoints": [{"url": upstream.url("/lost.pth")}]}
    fresh = Writer(writer.folder / "fresh")
    fresh.folder.mkdir()
    copied = fresh.manifest([whole[0], lost])
    lock_path(copied).write_text(lock_path(manifest).read_text())

    report = fresh.sync(copied)

    states = {unit.name: (unit.state, unit.failure) for unit in report.units}
    assert states[outer.name][0] is UnitState.INCOMPLETE
    assert inner.name in str(states[outer.name][1])
    assert states[inner.name][0] is UnitState.INCOMPLETE


def test_an_edge_of_another_commit_is_kept_and_said_to_be_one(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub, entrypoints=[CALL])])
    writer.sync(manifest)
    trace(manifest, edge(hub, incomplete=("it started curl",)))
    RepoBuilder(upstream, hub.name).commit({"README": "moved on"})

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert lock_of(manifest).repos[0].entrypoints[0].commit == hub.commit
    assert report.units[0].warnings == (
        f"{CALL} was traced at commit {hub.commit[:12]}, which no ref names any more: "
        "trace it again",
        f"{CALL}: its trace is incomplete: it started curl",
    )


def test_the_edges_of_an_entrypoint_that_is_no_longer_declared_are_dropped(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub, entrypoints=[CALL])])
    writer.sync(manifest)
    trace(manifest, edge(hub, urls=(MISSING,)))
    writer.manifest([wanted(hub, entrypoints=["large()"])])

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert lock_of(manifest).repos[0].entrypoints == ()
