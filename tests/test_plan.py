"""What is missing: manifest, lock and what is known compared, without clock, disk or network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from hubmirror.drift import Resolution
from hubmirror.errors import HubmirrorError, RefusedError, UpstreamError
from hubmirror.manifest.locked import Lock, LockedCheckpoint, LockedRepo, LockedRequest
from hubmirror.plan import FetchPlan, Known, SourcePlan, plan_source
from hubmirror.records import BlobRef, CheckpointRow, Digest, RefKind, RefRow, RepoKey, SnapshotRow
from hubmirror.specs import CheckpointSpec, Manifest, RepoSpec
from tests.samples import COMMIT, OTHER_COMMIT, checkpoint, snapshot

KEY = RepoKey.parse("pytorch/vision")
SPEC = RepoSpec("pytorch/vision", KEY, "https://github.com/pytorch/vision", refs=("v1", "main"))
TAG = RefRow("v1", RefKind.TAG, COMMIT)
BRANCH = RefRow("main", RefKind.BRANCH, OTHER_COMMIT)
RESOLUTION = Resolution("main", {"v1": (TAG,), "main": (BRANCH,)})
URL = "https://h.example/w.pth"
ROW = checkpoint(URL, b"weights")
OTHER_ROW = checkpoint(URL, b"other weights")


def known(
    *,
    snapshots: Iterable[SnapshotRow] = (),
    checkpoints: Iterable[CheckpointRow] = (),
    present: Iterable[BlobRef] = (),
) -> Known:
    return Known(
        {(KEY, row.commit, ""): row for row in snapshots},
        {row.url: row for row in checkpoints},
        frozenset(present),
    )


def pin(row: CheckpointRow) -> LockedCheckpoint:
    return LockedCheckpoint(row.url, row.digest, row.size_bytes)


def plan_repo(
    spec: RepoSpec = SPEC,
    resolution: Resolution | HubmirrorError = RESOLUTION,
    *,
    lock: Lock | None = None,
    knows: Known | None = None,
) -> SourcePlan:
    manifest = Manifest("team", "team.yaml", (spec,))
    return plan_source(manifest, lock, {spec.key: resolution}, knows or known())


def plan_url(
    spec: CheckpointSpec, *, pinned: CheckpointRow | None = None, knows: Known | None = None
) -> tuple[tuple[FetchPlan, ...], tuple[CheckpointRow, ...]]:
    """Plan one checkpoint that belongs to no repo: what is fetched, what is held."""
    lock = Lock("team", (), (pin(pinned),) if pinned else ())
    manifest = Manifest("team", "team.yaml", (), (spec,))
    (unit,) = plan_source(manifest, lock, {}, knows or known()).units
    assert (unit.name, unit.spec, unit.resolution, unit.failure) == (spec.url, None, None, None)
    return unit.fetch, unit.held_checkpoints


# --- Checkpoints ------------------------------------------------------------------------


def test_what_nobody_has_seen_is_fetched_without_a_pin() -> None:
    spec = CheckpointSpec(URL)

    assert plan_url(spec) == ((FetchPlan(spec, None),), ())


def test_what_the_lock_names_and_is_there_is_held() -> None:
    found = plan_url(CheckpointSpec(URL), pinned=ROW, knows=known(present=[ROW.blob]))

    assert found == ((), (ROW,))


def test_what_the_lock_names_and_is_missing_is_fetched_as_it_was() -> None:
    spec = CheckpointSpec(URL)

    assert plan_url(spec, pinned=ROW) == ((FetchPlan(spec, ROW.digest),), ())


def test_a_blob_of_another_size_is_not_the_locked_one() -> None:
    spec = CheckpointSpec(URL)
    short = BlobRef(ROW.digest, ROW.size_bytes - 1)

    fetch, held = plan_url(spec, pinned=ROW, knows=known(present=[short]))

    assert (fetch, held) == ((FetchPlan(spec, ROW.digest),), ())


def test_what_arrived_before_a_kill_is_held_without_a_lock() -> None:
    knows = known(checkpoints=[ROW], present=[ROW.blob])

    assert plan_url(CheckpointSpec(URL), knows=knows) == ((), (ROW,))


def test_what_is_known_and_missing_is_fetched_as_it_was_known() -> None:
    spec = CheckpointSpec(URL)

    assert plan_url(spec, knows=known(checkpoints=[ROW])) == ((FetchPlan(spec, ROW.digest),), ())


def test_the_lock_outranks_what_is_known() -> None:
    knows = known(checkpoints=[OTHER_ROW], present=[ROW.blob, OTHER_ROW.blob])

    assert plan_url(CheckpointSpec(URL), pinned=ROW, knows=knows) == ((), (ROW,))


def test_what_is_known_adds_where_the_bytes_came_from() -> None:
    row = replace(ROW, redirect="https://cdn.example/w.pth")
    knows = known(checkpoints=[row], present=[ROW.blob])

    assert plan_url(CheckpointSpec(URL), pinned=ROW, knows=knows) == ((), (row,))


def test_the_manifest_outranks_the_lock() -> None:
    spec = CheckpointSpec(URL, sha256=OTHER_ROW.digest)
    knows = known(present=[ROW.blob, OTHER_ROW.blob])

    assert plan_url(spec, pinned=ROW, knows=knows) == ((FetchPlan(spec, None),), ())


def test_a_sha256_of_the_manifest_that_the_lock_shares_changes_nothing() -> None:
    spec = CheckpointSpec(URL, sha256=ROW.digest)

    assert plan_url(spec, pinned=ROW, knows=known(present=[ROW.blob])) == ((), (ROW,))


@pytest.mark.parametrize("is_right", [True, False])
def test_a_prefix_of_the_manifest_outranks_the_lock(is_right: bool) -> None:
    digest = ROW.digest if is_right else OTHER_ROW.digest
    spec = CheckpointSpec(URL, prefix=digest.hex[:8])

    fetch, held = plan_url(spec, pinned=ROW, knows=known(present=[ROW.blob]))

    assert (fetch, held) == (((), (ROW,)) if is_right else ((FetchPlan(spec, None),), ()))


def test_another_url_with_the_same_bytes_is_no_reason_to_hold() -> None:
    spec = CheckpointSpec("https://elsewhere.example/w.pth")
    knows = known(checkpoints=[ROW], present=[ROW.blob])

    assert plan_url(spec, knows=knows) == ((FetchPlan(spec, None),), ())


def test_each_checkpoint_that_belongs_to_no_repo_is_a_unit_of_its_own() -> None:
    specs = tuple(CheckpointSpec(f"https://h.example/{number}.pth") for number in range(3))
    manifest = Manifest("team", "team.yaml", (SPEC,), specs)

    plan = plan_source(manifest, None, {KEY: RESOLUTION}, known())

    assert [unit.name for unit in plan.units] == ["pytorch/vision", *(spec.url for spec in specs)]
    assert [len(unit.fetch) for unit in plan.units] == [0, 1, 1, 1]


# --- Repos ------------------------------------------------------------------------------


def test_refs_without_a_snapshot_are_made() -> None:
    (unit,) = plan_repo().units

    assert (unit.name, unit.spec, unit.resolution) == ("pytorch/vision", SPEC, RESOLUTION)
    assert unit.make == (BRANCH, TAG)
    assert not unit.is_idle()


def test_a_snapshot_whose_blobs_are_there_is_held() -> None:
    row = snapshot(COMMIT)

    (unit,) = plan_repo(knows=known(snapshots=[row], present=row.blobs())).units

    assert unit.make == (BRANCH,)
    assert unit.held_snapshots == (row,)


@pytest.mark.parametrize("missing", ["tar", "about"])
def test_a_snapshot_that_lacks_one_of_its_blobs_is_made_again(missing: str) -> None:
    row = snapshot(COMMIT)
    gone = Digest.of(missing.encode())
    present = [blob for blob in row.blobs() if blob.digest != gone]

    (unit,) = plan_repo(knows=known(snapshots=[row], present=present)).units

    assert TAG in unit.make
    assert unit.held_snapshots == ()


def test_two_refs_of_one_commit_hold_its_snapshot_once() -> None:
    row = snapshot(COMMIT)
    resolution = Resolution("main", {"v1": (TAG,), "main": (replace(BRANCH, commit=COMMIT),)})

    (unit,) = plan_repo(SPEC, resolution, knows=known(snapshots=[row], present=row.blobs())).units

    assert (unit.make, unit.held_snapshots) == ((), (row,))
    assert unit.is_idle()


def test_a_ref_that_two_requests_mean_is_made_once() -> None:
    resolution = Resolution("main", {"v1": (TAG,), "v*": (TAG,)})

    (unit,) = plan_repo(replace(SPEC, refs=("v1", "v*")), resolution).units

    assert unit.make == (TAG,)


def test_a_commit_that_only_the_history_can_tell_is_made() -> None:
    short = RefRow("aaaaaaa", RefKind.COMMIT, "")

    (unit,) = plan_repo(SPEC, Resolution("main", {"aaaaaaa": (short,)})).units

    assert unit.make == (short,)


def test_the_checkpoints_of_a_repo_belong_to_its_unit() -> None:
    held, missing = CheckpointSpec(URL), CheckpointSpec("https://h.example/new.pth")
    spec = replace(SPEC, checkpoints=(held, missing))
    lock = Lock("team", (), (pin(ROW),))

    (unit,) = plan_repo(spec, lock=lock, knows=known(present=[ROW.blob])).units

    assert unit.held_checkpoints == (ROW,)
    assert unit.fetch == (FetchPlan(missing, None),)


def test_a_repo_that_could_not_be_asked_fails_and_fetches_nothing() -> None:
    spec = replace(SPEC, checkpoints=(CheckpointSpec(URL),))
    error = UpstreamError("no answer")

    (unit,) = plan_repo(spec, error).units

    assert unit.failure is error
    assert (unit.resolution, unit.make, unit.fetch) == (None, (), ())
    assert not unit.is_idle()


# --- What a lock allows -----------------------------------------------------------------


def locked(
    requests: Mapping[str, tuple[RefRow, ...]] | None = None, *, url: str = SPEC.url
) -> Lock:
    found = tuple(LockedRequest(ref, rows) for ref, rows in (requests or {"v1": (TAG,)}).items())
    return Lock("team", (LockedRepo(str(KEY), url, "main", found),))


MOVED = Resolution("main", {"v1": (replace(TAG, commit=OTHER_COMMIT),)})


def test_a_moved_tag_is_refused_with_both_commits_and_the_way_to_accept_it() -> None:
    spec = replace(SPEC, refs=("v1",), checkpoints=(CheckpointSpec(URL),))

    (unit,) = plan_repo(spec, MOVED, lock=locked()).units

    assert isinstance(unit.failure, RefusedError)
    assert unit.failure.message == (
        f"pytorch/vision: tag 'v1' was moved upstream: locked to {COMMIT}, now {OTHER_COMMIT}"
    )
    assert unit.failure.hint.endswith("hubmirror lock MANIFEST --upgrade pytorch/vision:v1")
    assert (unit.make, unit.fetch) == ((), ())
    assert unit.resolution == MOVED


def test_a_moved_tag_that_a_glob_found_is_refused_by_its_own_name() -> None:
    moved = Resolution("main", {"v*": (replace(TAG, commit=OTHER_COMMIT),)})

    (unit,) = plan_repo(replace(SPEC, refs=("v*",)), moved, lock=locked({"v*": (TAG,)})).units

    assert isinstance(unit.failure, RefusedError)
    assert unit.failure.hint.endswith("--upgrade pytorch/vision:v1")


def test_a_tag_that_the_lock_has_under_another_request_is_still_a_promise() -> None:
    (unit,) = plan_repo(replace(SPEC, refs=("v1",)), MOVED, lock=locked({"v*": (TAG,)})).units

    assert isinstance(unit.failure, RefusedError)


def test_a_tag_whose_pin_was_let_go_may_be_anywhere() -> None:
    lock = locked().without("pytorch/vision:v1")

    (unit,) = plan_repo(replace(SPEC, refs=("v1",)), MOVED, lock=lock).units

    assert unit.failure is None
    assert [ref.commit for ref in unit.make] == [OTHER_COMMIT]


def test_a_branch_that_moved_is_followed() -> None:
    moved = Resolution("main", {"main": (replace(BRANCH, commit=COMMIT),)})

    (unit,) = plan_repo(
        replace(SPEC, refs=("main",)), moved, lock=locked({"main": (BRANCH,)})
    ).units

    assert unit.failure is None
    assert [ref.commit for ref in unit.make] == [COMMIT]


def test_a_tag_in_the_place_of_a_branch_is_no_moved_tag() -> None:
    lock = locked({"v1": (RefRow("v1", RefKind.BRANCH, OTHER_COMMIT),)})

    (unit,) = plan_repo(
        replace(SPEC, refs=("v1",)), Resolution("", {"v1": (TAG,)}), lock=lock
    ).units

    assert unit.failure is None


def test_a_new_match_of_a_glob_is_welcome() -> None:
    new = RefRow("v2", RefKind.TAG, OTHER_COMMIT)
    found = Resolution("main", {"v*": (TAG, new)})

    (unit,) = plan_repo(replace(SPEC, refs=("v*",)), found, lock=locked({"v*": (TAG,)})).units

    assert unit.failure is None
    assert unit.make == (TAG, new)


def test_the_lock_of_another_address_promises_nothing() -> None:
    lock = locked(url="https://gitlab.example/fork/vision")

    (unit,) = plan_repo(replace(SPEC, refs=("v1",)), MOVED, lock=lock).units

    assert unit.failure is None


def test_a_plan_keeps_its_manifest_and_lock() -> None:
    lock = locked()

    plan = plan_repo(lock=lock)

    assert (plan.manifest.repos, plan.lock) == ((SPEC,), lock)
