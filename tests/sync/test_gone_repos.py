"""Repos that their host does not have any more, or does not show: a finding, and what stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.findings import FindingKind
from hubmirror.records import UnitState
from hubmirror.specs import Drift
from tests.upstream import RepoBuilder, Upstream
from tests.writer import Writer

NAME = "acme/net"


@pytest.fixture
def repo(upstream: Upstream) -> RepoBuilder:
    made = RepoBuilder.create(upstream, NAME)
    made.commit({"hubconf.py": "def net():\n    pass\n"})
    made.tag("v1")
    return made


def manifest(writer: Writer, upstream: Upstream, **fields: object) -> Path:
    return writer.manifest(
        [{"repo": NAME, "url": upstream.git_url(NAME), "refs": ["main", "v1"], **fields}]
    )


def remove(upstream: Upstream) -> None:
    shutil.rmtree(upstream.repo_folder(NAME))


@pytest.mark.parametrize("policy", [{}, {"on_gone_repo": "hold"}, {"on_gone_repo": "fail"}])
def test_a_repo_that_is_gone_keeps_what_it_had_and_is_told(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, policy: dict[str, str]
) -> None:
    path = manifest(writer, upstream, **policy)
    writer.sync(path)
    lock = (writer.folder / "team.yaml.lock").read_text()
    remove(upstream)

    report = writer.sync(path)

    assert report.exit_code() is ExitCode.REFUSED
    (finding,) = report.units[0].findings
    assert (finding.kind, finding.subject) == (FindingKind.GONE_REPO, NAME)
    unit = writer.unit(NAME)
    assert (unit.state, "not found" in unit.reason) == (UnitState.STALE, True)
    assert (writer.folder / "team.yaml.lock").read_text() == lock


def test_the_way_to_live_with_it_is_told(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    path = manifest(writer, upstream)
    writer.sync(path)
    remove(upstream)

    report = writer.sync(path)

    assert report.units[0].failure is not None
    assert "`on_gone_repo: follow`" in report.units[0].failure.hint


def test_who_knows_that_a_repo_is_gone_has_a_whole_unit_and_0(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    path = manifest(writer, upstream, on_gone_repo="follow")
    writer.sync(path)
    before = writer.unit(NAME)
    remove(upstream)

    report = writer.sync(path)

    assert report.exit_code() is ExitCode.OK
    assert report.published is None
    assert [one.policy for one in report.units[0].findings] == [Drift.FOLLOW]
    assert report.units[0].warnings[0].endswith("; all refs stay as locked")
    assert writer.unit(NAME) == before


def test_a_ref_that_was_never_locked_cannot_be_had_of_a_repo_that_is_gone(
    writer: Writer, upstream: Upstream, repo: RepoBuilder
) -> None:
    writer.sync(manifest(writer, upstream, on_gone_repo="follow"))
    remove(upstream)

    report = writer.sync(manifest(writer, upstream, on_gone_repo="follow", refs=["v1", "v2"]))

    assert report.exit_code() is ExitCode.REFUSED
    assert writer.unit(NAME).state is UnitState.STALE


def test_a_repo_that_never_was_is_no_drift(writer: Writer, upstream: Upstream) -> None:
    report = writer.sync(manifest(writer, upstream))

    assert report.exit_code() is ExitCode.INCOMPLETE
    assert report.units[0].findings == ()
