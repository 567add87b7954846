"""Repos that were renamed: both names load, the lock knows it, and a name taken over is told."""

from __future__ import annotations

import json
import shutil

import pytest

from hubmirror.errors import ExitCode
from hubmirror.records import UnitState
from hubmirror.sync.options import Mode
from tests.upstream import RepoBuilder, Upstream
from tests.writer import Writer

OLD, NEW, NEWER = "old-owner/net", "new-owner/net", "newer-owner/net"
HUBCONF = "def net():\n    pass\n"


@pytest.fixture
def repo(upstream: Upstream) -> RepoBuilder:
    """A repo with a release."""
    made = RepoBuilder.create(upstream, OLD)
    made.commit({"hubconf.py": HUBCONF})
    made.tag("v1")
    return made


def entry(upstream: Upstream, **fields: object) -> dict[str, object]:
    return {"repo": OLD, "url": upstream.git_url(OLD), "refs": ["main", "v1"], **fields}


def names(writer: Writer) -> set[str]:
    row = writer.unit(OLD).repo
    assert row is not None
    return {str(key) for key in row.names()}


def take_over(upstream: Upstream, repo: RepoBuilder) -> str:
    """Let a stranger take the old name: the release as it was, and a commit of their own."""
    stranger = RepoBuilder.create(upstream, OLD)
    shutil.rmtree(upstream.repo_folder(OLD))
    shutil.copytree(upstream.repo_folder(repo.name), upstream.repo_folder(OLD))
    return stranger.commit({"hubconf.py": "import evil\n" + HUBCONF})


def test_a_fresh_mirror_knows_both_names_from_the_lock_alone(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename(NEW)
    manifest = writer.manifest([entry(upstream)])
    writer.sync(manifest)
    shutil.rmtree(writer.root)
    shutil.rmtree(writer.folder / "state")

    report = writer.sync(manifest, mode=Mode.LOCKED)

    assert report.exit_code() is ExitCode.OK
    assert names(writer) == {OLD, NEW}


def test_a_locked_sync_publishes_what_the_sync_before_did(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename(NEW)
    manifest = writer.manifest([entry(upstream)])
    writer.sync(manifest)

    report = writer.sync(manifest, mode=Mode.LOCKED)

    assert report.is_idle()


def test_pinned_commits_ask_nobody_and_keep_both_names(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename(NEW)
    manifest = writer.manifest([entry(upstream, refs=[repo.resolve("v1")])])
    writer.sync(manifest)

    report = writer.sync(manifest)

    assert report.is_idle()
    assert names(writer) == {OLD, NEW}


def test_the_lock_of_a_repo_that_was_never_renamed_has_the_bytes_that_it_had(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    writer.sync(writer.manifest([entry(upstream)]))

    (locked,) = json.loads((writer.folder / "team.yaml.lock").read_text())["repos"].values()

    assert set(locked) == {"default_branch", "refs", "snapshots", "url"}


def test_a_repo_that_is_renamed_after_it_was_locked_is_told_once(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    manifest = writer.manifest([entry(upstream, on_moved_branch="fail")])
    writer.sync(manifest)
    repo.rename(NEW)

    first, second = writer.sync(manifest), writer.sync(manifest)

    assert first.exit_code() is ExitCode.OK
    assert first.units[0].warnings == (
        f"the repo was renamed: {upstream.git_url(OLD)} leads to {upstream.git_url(NEW)} now; "
        "both names load",
    )
    assert second.units[0].warnings == ()
    assert second.is_idle()


def test_a_name_that_was_taken_over_is_told_and_followed_as_branches_are(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename(NEW)
    manifest = writer.manifest([entry(upstream)])
    writer.sync(manifest)
    evil = take_over(upstream, repo)

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert report.units[0].warnings == (
        f"{upstream.git_url(OLD)} led to {upstream.git_url(NEW)} when it was locked, and now has "
        "a repo of its own: somebody else may have taken the old name; followed",
    )
    row = writer.unit(OLD).repo
    assert row is not None
    assert evil in {ref.commit for ref in row.refs}
    assert names(writer) == {OLD}


def test_a_name_that_leads_elsewhere_than_locked_is_told(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename(NEW)
    manifest = writer.manifest([entry(upstream)])
    writer.sync(manifest)
    RepoBuilder.create(upstream, OLD).rename(NEWER)
    RepoBuilder(upstream, NEWER).commit({"hubconf.py": HUBCONF})
    RepoBuilder(upstream, NEWER).tag("v1")

    report = writer.sync(manifest)

    assert report.units[0].warnings[0] == (
        f"{upstream.git_url(OLD)} led to {upstream.git_url(NEW)} when it was locked, and now leads "
        f"to {upstream.git_url(NEWER)}: somebody else may have taken the old name; followed"
    )


def test_a_repo_that_may_not_drift_refuses_a_name_that_was_taken_over(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename(NEW)
    manifest = writer.manifest([entry(upstream, on_moved_branch="fail")])
    writer.sync(manifest)
    evil = take_over(upstream, repo)

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.REFUSED
    (unit,) = report.failed()
    assert unit.failure is not None
    assert unit.failure.message.startswith(f"{OLD}: {upstream.git_url(OLD)} led to ")
    assert unit.failure.hint.endswith(f"hubmirror lock MANIFEST --upgrade {OLD}")
    assert writer.unit(OLD).state is UnitState.STALE
    assert evil not in (writer.folder / "team.yaml.lock").read_text()


def test_a_repo_that_is_held_takes_nothing_from_a_name_that_was_taken_over(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename(NEW)
    manifest = writer.manifest([entry(upstream, refs=["*"], on_moved_branch="hold")])
    writer.sync(manifest)
    lock = (writer.folder / "team.yaml.lock").read_text()
    take_over(upstream, repo)
    RepoBuilder(upstream, OLD).tag("v2")

    first, second = writer.sync(manifest), writer.sync(manifest)

    for report in (first, second):
        assert report.exit_code() is ExitCode.REFUSED
        assert report.units[0].warnings[0].endswith("; all refs stay as locked")
    assert (writer.folder / "team.yaml.lock").read_text() == lock
    assert names(writer) == {OLD, NEW}


def test_a_redirect_to_a_place_that_names_no_repo_fails_nobody(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    repo.rename("~odd/~net")

    report = writer.sync(writer.manifest([entry(upstream)]))

    assert report.exit_code() is ExitCode.OK
    assert names(writer) == {OLD}
