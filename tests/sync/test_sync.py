"""The main job on the connected side: what a sync fetches, publishes and leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubmirror import layout
from hubmirror.errors import (
    ExitCode,
    InvalidInputError,
    LockedError,
    RefusedError,
    StorageError,
    VerificationError,
)
from hubmirror.files import exclusive
from hubmirror.mirror import Mirror
from hubmirror.records import RefKind, UnitState
from hubmirror.sync import Mode, Options, plan_sync
from hubmirror.verify import verify
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.writer import Writer, wanted


def test_a_manifest_is_fetched_verified_and_published(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)

    report = writer.sync(writer.manifest([wanted(hub)]))

    assert report.exit_code() is ExitCode.OK
    assert report.published is not None
    unit = writer.unit(hub.name)
    assert unit.state is UnitState.COMPLETE
    assert unit.repo is not None
    assert unit.repo.default_branch == hub.default_branch
    assert [(ref.name, ref.commit) for ref in unit.repo.refs] == [("main", hub.commit)]
    assert unit.repo.snapshots[0].entrypoints == ("Tiny", "large", "small")
    expected = {weights.url: weights.sha256 for weights in hub.weights}
    assert {row.url: row.digest.hex for row in unit.checkpoints} == expected
    assert writer.leftovers() == []
    with Mirror.open(writer.root) as mirror:
        assert verify(mirror).faults == ()


def test_a_second_run_asks_for_refs_only_and_publishes_nothing(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])
    writer.sync(manifest)
    before = modified(writer)
    upstream.clear_log()

    report = writer.sync(manifest)

    assert report.is_idle()
    assert report.exit_code() is ExitCode.OK
    assert upstream.fetched_files() == []
    asked = [request.path for request in upstream.requests]
    assert all("git-upload-pack" in path or "info/refs" in path for path in asked)
    assert sum("info/refs" in path for path in asked) == 1
    assert modified(writer) == before


def modified(writer: Writer) -> list[int]:
    """When each file of the mirror was last changed; a writer's locks are no part of it."""
    paths = (path for path in writer.root.rglob("*") if path.name not in layout.LOCKS)
    return sorted(path.stat().st_mtime_ns for path in paths)


def test_frozen_asks_the_network_for_nothing(writer: Writer, upstream: Upstream) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)
    upstream.clear_log()

    report = writer.sync(manifest, mode=Mode.FROZEN)

    assert report.is_idle()
    assert upstream.requests == []


def test_frozen_names_the_bytes_that_are_missing(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])
    writer.sync(manifest)
    gone = hub.weights[0]
    with Mirror.open(writer.root) as mirror:
        row = next(row for row in writer.unit(hub.name).checkpoints if row.url == gone.url)
        mirror.blobs.path(row.digest).unlink()

    with pytest.raises(VerificationError) as caught:
        writer.sync(manifest, mode=Mode.FROZEN)

    assert caught.value.message == f"bytes are missing:\n  {gone.url}"


def test_a_missing_blob_is_fetched_again(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])
    writer.sync(manifest)
    for blob in writer.unit(hub.name).checkpoints:
        with Mirror.open(writer.root) as mirror:
            mirror.blobs.path(blob.digest).unlink()

    report = writer.sync(manifest)

    assert sorted(report.units[0].fetched) == sorted(weights.url for weights in hub.weights)
    assert report.published is None
    with Mirror.open(writer.root) as mirror:
        assert verify(mirror).faults == ()


def test_locked_keeps_to_the_lock_and_fetches_what_is_missing(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])
    writer.sync(manifest)
    RepoBuilder(upstream, hub.name).commit({"README.md": "newer"})
    elsewhere = Writer(writer.folder / "elsewhere")
    elsewhere.folder.mkdir()

    report = elsewhere.sync(manifest, mode=Mode.LOCKED)

    assert report.exit_code() is ExitCode.OK
    repo = elsewhere.unit(hub.name).repo
    assert repo is not None
    assert [ref.commit for ref in repo.refs] == [hub.commit]
    assert elsewhere.holdings() == writer.holdings()


def test_a_lock_that_does_not_satisfy_the_manifest_is_refused(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    writer.sync(writer.manifest([wanted(hub)]))
    manifest = writer.manifest(
        [wanted(hub, refs=["v9"])], checkpoints=[{"url": "https://h.example/new.pth"}]
    )

    with pytest.raises(InvalidInputError) as caught:
        writer.sync(manifest, mode=Mode.LOCKED)

    assert f"{hub.name}: ref 'v9' is not in the lock" in caught.value.message
    assert "https://h.example/new.pth: not in the lock" in caught.value.message


def test_without_a_lock_locked_is_refused(writer: Writer, upstream: Upstream) -> None:
    with pytest.raises(InvalidInputError, match="there is no lock"):
        writer.sync(writer.manifest([wanted(hubs.plain_weights(upstream))]), mode=Mode.LOCKED)


def test_a_branch_that_moved_is_followed(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])
    writer.sync(manifest)
    newer = RepoBuilder(upstream, hub.name).commit({"README.md": "newer"})
    upstream.clear_log()

    report = writer.sync(manifest)

    assert report.units[0].made == ("main",)
    assert upstream.fetched_files() == [] or all("git" in f for f in upstream.fetched_files())
    repo = writer.unit(hub.name).repo
    assert repo is not None
    assert [ref.commit for ref in repo.refs] == [newer]
    assert [row.commit for row in repo.snapshots] == [newer]


def test_a_tag_that_moved_is_refused_and_the_old_one_stays(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    builder = RepoBuilder(upstream, hub.name)
    tagged = builder.tag("v1")
    manifest = writer.manifest([wanted(hub, refs=["v1"])])
    writer.sync(manifest)
    builder.tag("v1", builder.commit({"README.md": "newer"}))

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.REFUSED
    unit = writer.unit(hub.name)
    assert unit.state is UnitState.STALE
    assert "tag 'v1' was moved upstream" in unit.reason
    assert unit.repo is not None
    assert unit.repo.refs[0].commit == tagged


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (["v1.0"], [("v1.0", RefKind.TAG)]),
        (["v1.*"], [("v1.0", RefKind.TAG), ("v1.1", RefKind.TAG)]),
        (["feature/x"], [("feature/x", RefKind.BRANCH)]),
        (["refs/tags/v1.0"], [("refs/tags/v1.0", RefKind.TAG)]),
        (["COMMIT"], [("COMMIT", RefKind.COMMIT)]),
        (["SHORT"], [("COMMIT", RefKind.COMMIT)]),
        ([], [("main", RefKind.BRANCH)]),
    ],
    ids=lambda value: "-".join(map(str, value)) if value and isinstance(value[0], str) else "",
)
def test_refs_are_what_was_typed(
    writer: Writer, upstream: Upstream, typed: list[str], names: list[tuple[str, RefKind]]
) -> None:
    hub = hubs.plain_weights(upstream)
    builder = RepoBuilder(upstream, hub.name)
    builder.tag("v1.0")
    builder.branch("feature/x", hub.commit)
    builder.commit({"README.md": "newer"})
    builder.annotate("v1.1")
    given = {"COMMIT": hub.commit, "SHORT": hub.commit[:8]}
    refs = {"refs": [given.get(name, name) for name in typed]} if typed else {}

    report = writer.sync(writer.manifest([wanted(hub, **refs)]))

    assert report.exit_code() is ExitCode.OK
    repo = writer.unit(hub.name).repo
    assert repo is not None
    found = [(ref.name, ref.kind) for ref in repo.refs]
    assert found == [(given.get(name, name), kind) for name, kind in names]


def test_a_pinned_commit_is_not_asked_for_again(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub, refs=[hub.commit[:10]])])
    writer.sync(manifest)
    upstream.clear_log()

    assert writer.sync(manifest).is_idle()
    assert upstream.requests == []


def test_a_unit_that_fails_keeps_what_it_had(writer: Writer, upstream: Upstream) -> None:
    hub, other = hubs.plain_weights(upstream), hubs.hashed_names(upstream)
    manifest = writer.manifest([wanted(hub), wanted(other)])
    writer.sync(manifest)
    RepoBuilder(upstream, hub.name).commit({"hubconf.py": None})
    RepoBuilder(upstream, other.name).commit({"README.md": "newer"})

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.INCOMPLETE
    stale = writer.unit(hub.name)
    assert stale.state is UnitState.STALE
    assert "no hubconf.py" in stale.reason
    assert stale.repo is not None
    assert stale.repo.refs[0].commit == hub.commit
    assert writer.unit(other.name).state is UnitState.COMPLETE


def test_a_new_unit_that_fails_is_incomplete(writer: Writer, upstream: Upstream) -> None:
    hub, broken = hubs.plain_weights(upstream), hubs.no_hubconf(upstream)

    report = writer.sync(writer.manifest([wanted(hub), wanted(broken, refs=["docs"])]))

    assert report.exit_code() is ExitCode.INCOMPLETE
    unit = writer.unit(broken.name)
    assert unit.state is UnitState.INCOMPLETE
    assert unit.reason.startswith(f"{broken.name}:docs: no hubconf.py")
    assert unit.repo is not None
    assert unit.repo.refs == ()


def test_a_failed_unit_that_comes_back_is_complete_again(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)], checkpoints=[{"url": upstream.url("/late.pth")}])
    assert writer.sync(manifest).exit_code() is ExitCode.INCOMPLETE
    upstream.put("/late.pth", b"weights")

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert report.units[-1].fetched == (upstream.url("/late.pth"),)
    assert all(unit.state is UnitState.COMPLETE for unit in writer.holdings().units)


def test_an_upstream_that_is_down_changes_nothing_and_says_so(
    writer: Writer, upstream: Upstream
) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)
    before = writer.holdings()
    upstream.stop()

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.UPSTREAM
    assert report.published is None
    assert writer.holdings() == before


def test_two_sources_live_side_by_side(writer: Writer, upstream: Upstream) -> None:
    one = writer.manifest([wanted(hubs.plain_weights(upstream))], name="one")
    two = writer.manifest([wanted(hubs.hashed_names(upstream))], name="two")
    writer.sync(one)

    writer.sync(two)
    both = writer.holdings()
    again = writer.sync(one)

    assert [source.name for source in both.sources] == ["one", "two"]
    assert again.is_idle()
    assert writer.holdings() == both


def test_what_a_manifest_no_longer_wants_leaves_with_its_next_sync(
    writer: Writer, upstream: Upstream
) -> None:
    hub, other = hubs.plain_weights(upstream), hubs.hashed_names(upstream)
    writer.sync(writer.manifest([wanted(hub), wanted(other)]))

    writer.sync(writer.manifest([wanted(other)]))

    assert [unit.name for unit in writer.holdings().units] == [other.name]


def test_sources_that_contradict_each_other_are_refused_by_name(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    writer.sync(writer.manifest([wanted(hub)], name="one"))
    before = writer.holdings()
    RepoBuilder(upstream, hub.name).commit({"README.md": "newer"})
    two = writer.manifest([wanted(hub)], name="two")

    with pytest.raises(RefusedError) as caught:
        writer.sync(two)

    assert f"{hub.name}:main: commit {hub.commit} in source 'one'" in caught.value.message
    assert "in source 'two'" in caught.value.message
    assert writer.holdings() == before
    assert not two.with_name("two.yaml.lock").exists()


def test_both_manifests_in_one_run_settle_a_contradiction(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    one = writer.manifest([wanted(hub)], name="one")
    writer.sync(one)
    RepoBuilder(upstream, hub.name).commit({"README.md": "newer"})

    report = writer.sync(one, writer.manifest([wanted(hub)], name="two"))

    assert report.exit_code() is ExitCode.OK
    assert len({unit.repo.refs for unit in writer.holdings().units if unit.repo}) == 1


def test_one_url_wanted_twice_is_fetched_once(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/shared.pth", b"weights")
    one = writer.manifest(checkpoints=[{"url": url}], name="one")
    two = writer.manifest(checkpoints=[{"url": url}], name="two")

    writer.sync(one, two)

    assert upstream.fetched_files() == ["/shared.pth"]


def test_a_renamed_repo_is_followed_and_both_names_load(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.renamed_owner(upstream)
    old = upstream.git_url("old-owner/renamed")

    writer.sync(writer.manifest([wanted(hub, repo="old-owner/renamed", url=old)]))

    repo = writer.unit("old-owner/renamed").repo
    assert repo is not None
    assert {str(key) for key in repo.names()} == {"old-owner/renamed", "new-owner/renamed"}


def test_the_lock_pins_all_and_its_bytes_do_not_change(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])
    first = writer.sync(manifest)
    text = (writer.folder / "team.yaml.lock").read_text()

    second = writer.sync(manifest)

    assert first.locks == (str(writer.folder / "team.yaml.lock"),)
    assert second.locks == ()
    assert (writer.folder / "team.yaml.lock").read_text() == text
    lock = json.loads(text)
    assert lock["repos"][hub.name]["refs"]["HEAD"][0]["commit"] == hub.commit
    assert set(lock["checkpoints"]) == {weights.url for weights in hub.weights}
    assert writer.holdings().sources[0].lock == text


def test_a_lock_folder_that_cannot_be_written_is_said_before_fetching(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    monkeypatch.setattr("hubmirror.sync.planning.os.access", lambda *_: False)  # root may do all

    with pytest.raises(StorageError, match="the lock cannot be written"):
        writer.sync(manifest)

    assert upstream.requests == []


def test_a_second_sync_at_the_same_time_is_told_to_wait(writer: Writer, upstream: Upstream) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)

    with exclusive(writer.folder / "state" / "run.lock"), pytest.raises(LockedError):
        writer.sync(manifest)


def test_a_state_folder_serves_one_mirror_only(writer: Writer, upstream: Upstream) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)
    other = Writer(writer.folder / "other")
    other.folder.mkdir()
    (other.folder / "state").symlink_to(writer.folder / "state")

    with pytest.raises(StorageError, match="holds the state of another mirror"):
        other.sync(manifest)


def test_a_claim_of_a_state_folder_that_was_killed_is_made_again(
    writer: Writer, upstream: Upstream
) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    owner = writer.folder / "state" / "mirror-id"
    owner.parent.mkdir()
    owner.touch()

    writer.sync(manifest)

    with Mirror.open(writer.root) as mirror:
        assert owner.read_text().strip() == mirror.id


def test_a_lost_index_costs_nothing_but_questions(writer: Writer, upstream: Upstream) -> None:
    one = writer.manifest([wanted(hubs.plain_weights(upstream))], name="one")
    two = writer.manifest([wanted(hubs.hashed_names(upstream))], name="two")
    writer.sync(one)
    writer.sync(two)
    before = writer.holdings()
    for path in (writer.folder / "state").glob("index.db*"):
        path.unlink()
    upstream.clear_log()

    assert writer.sync(one).is_idle()
    assert upstream.fetched_files() == []
    assert writer.holdings() == before


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])

    (plan,) = plan_sync([manifest], writer.settings, Options())

    (unit,) = plan.units
    assert [ref.name for ref in unit.make] == ["main"]
    assert [one.spec.url for one in unit.fetch] == [weights.url for weights in hub.weights]
    assert sorted(path.name for path in writer.folder.iterdir()) == ["team.yaml"]
    writer.sync(manifest)
    (plan,) = plan_sync([manifest], writer.settings, Options())
    assert all(unit.is_idle() for unit in plan.units)


def test_faults_of_all_manifests_are_found_before_anything_is_touched(
    writer: Writer, upstream: Upstream
) -> None:
    good = writer.manifest([wanted(hubs.plain_weights(upstream))], name="good")
    bad = writer.folder / "bad.yaml"
    bad.write_text("version: 1\nrepo: []\n")

    with pytest.raises(InvalidInputError, match=r"bad\.yaml:2:1"):
        writer.sync(good, bad)

    assert upstream.requests == []
    assert not writer.root.exists()


def test_modes_come_from_settings_and_not_from_the_umask(
    writer: Writer, upstream: Upstream
) -> None:
    import os
    import stat

    before = os.umask(0o077)
    try:
        writer.sync(writer.manifest([wanted(hubs.plain_weights(upstream))]))
    finally:
        os.umask(before)

    for path in writer.root.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.parent.name == ".incoming":
            continue  # the writer's own
        if path.name == ".incoming":
            assert mode == 0o700
        elif path.is_dir():
            assert mode == 0o755
        elif "blobs" in path.parts:
            assert mode == 0o444
        else:
            assert mode == 0o644


def test_nothing_stored_names_a_path_of_this_machine(writer: Writer, upstream: Upstream) -> None:
    writer.sync(writer.manifest([wanted(hubs.plain_weights(upstream))]))

    for path in writer.root.rglob("*"):
        if path.is_file():
            assert str(writer.folder).encode() not in path.read_bytes()


def test_a_mirror_can_be_moved(writer: Writer, upstream: Upstream, tmp_path: Path) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)
    before = writer.holdings()
    writer.root.rename(tmp_path / "moved")
    (writer.folder / "mirror").symlink_to(tmp_path / "moved")

    assert writer.sync(manifest).is_idle()
    assert writer.holdings() == before


def test_a_state_folder_that_was_there_keeps_its_permissions(
    writer: Writer, upstream: Upstream
) -> None:
    state = writer.folder / "state"
    state.mkdir(mode=0o755)

    writer.sync(writer.manifest([wanted(hubs.plain_weights(upstream))]))

    assert state.stat().st_mode & 0o777 == 0o755
    assert (state / "git").stat().st_mode & 0o777 == 0o700
