"""``sync --check-urls``: URLs that are gone or have other bytes, by the manifest's policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.findings import FindingKind
from hubmirror.records import Digest, UnitState
from hubmirror.sync import Options, SyncReport, sync
from tests.upstream import Upstream
from tests.upstream.faults import (
    EtagChanges,
    Fault,
    HangUp,
    NoEtag,
    NoHead,
    NoLastModified,
    Status,
    WeakEtag,
)
from tests.writer import Writer

PATH = "/w.pth"
OLD, NEW, LONGER = b"the old bytes", b"the new bytes", b"bytes of another length"


def wanted(upstream: Upstream, writer: Writer, **fields: object) -> Path:
    return writer.manifest(checkpoints=[{"url": upstream.url(PATH), **fields}])


def check(writer: Writer, manifest: Path) -> SyncReport:
    return sync([manifest], writer.settings, Options(check_urls=True))


def synced(upstream: Upstream, writer: Writer, *faults: Fault, **fields: object) -> Path:
    """Mirror the old bytes; return the manifest."""
    upstream.put(PATH, OLD, fault=faults)
    manifest = wanted(upstream, writer, **fields)
    assert writer.sync(manifest).exit_code() is ExitCode.OK
    upstream.clear_log()
    return manifest


def kinds(report: SyncReport) -> list[FindingKind]:
    return [one.kind for unit in report.units for one in unit.findings]


def digest(writer: Writer, upstream: Upstream) -> Digest:
    return writer.unit(upstream.url(PATH)).checkpoints[0].digest


def test_a_url_that_is_the_same_is_asked_for_no_byte(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer)

    report = check(writer, manifest)

    assert report.exit_code() is ExitCode.OK
    assert report.checked is not None
    assert set(report.checked.seen) == {upstream.url(PATH)}
    assert [(one.method, one.path) for one in upstream.requests] == [("HEAD", PATH)]


def test_an_ordinary_sync_asks_no_url_again(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer)

    report = writer.sync(manifest)

    assert report.checked is None
    assert upstream.requests == []


def test_a_host_that_refuses_head_is_asked_for_one_byte(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer, NoHead())

    report = check(writer, manifest)

    assert report.exit_code() is ExitCode.OK
    assert [(one.method, one.range) for one in upstream.requests] == [
        ("HEAD", None),
        ("GET", "bytes=0-0"),
    ]


@pytest.mark.parametrize("code", [404, 410])
def test_a_url_that_is_gone_is_held_and_told(upstream: Upstream, writer: Writer, code: int) -> None:
    manifest = synced(upstream, writer)
    upstream.put(PATH, OLD, fault=Status(code))

    report = check(writer, manifest)

    assert report.exit_code() is ExitCode.REFUSED
    assert kinds(report) == [FindingKind.GONE_URL]
    assert report.units[0].state is UnitState.COMPLETE
    assert digest(writer, upstream) == Digest.of(OLD)


def test_what_is_held_ends_no_ordinary_sync_with_6_and_is_still_known(
    upstream: Upstream, writer: Writer
) -> None:
    manifest = synced(upstream, writer)
    upstream.put(PATH, OLD, fault=Status(404))
    first = check(writer, manifest).units[0].findings[0]

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    (standing,) = report.units[0].findings
    assert (standing.since, standing.is_standing) == (first.since, True)
    assert report.units[0].warnings == ()


def test_who_knows_that_a_url_is_gone_is_told_with_0(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer, on_gone_url="follow")
    upstream.put(PATH, OLD, fault=Status(404))

    report = check(writer, manifest)

    assert report.exit_code() is ExitCode.OK
    assert kinds(report) == [FindingKind.GONE_URL]
    assert digest(writer, upstream) == Digest.of(OLD)


def test_a_url_that_must_not_go_holds_its_unit_back_until_it_is_there_again(
    upstream: Upstream, writer: Writer
) -> None:
    manifest = synced(upstream, writer, on_gone_url="fail")
    upstream.put(PATH, OLD, fault=Status(404))

    gone, between = check(writer, manifest), writer.sync(manifest)
    upstream.put(PATH, OLD)
    back, after = check(writer, manifest), writer.sync(manifest)

    assert [one.exit_code() for one in (gone, between, back, after)] == [6, 6, 0, 0]
    assert gone.units[0].state is UnitState.STALE
    assert back.units[0].findings == ()


def test_a_url_with_an_address_that_answers_is_not_gone(upstream: Upstream, writer: Writer) -> None:
    other = upstream.put("/other.pth", OLD)
    manifest = synced(upstream, writer, urls=[other])
    upstream.put(PATH, OLD, fault=Status(404))

    report = check(writer, manifest)

    assert (report.exit_code(), kinds(report)) == (ExitCode.OK, [])


@pytest.mark.parametrize("content", [NEW, LONGER])
def test_bytes_that_changed_are_refused_until_somebody_lets_go_of_the_pin(
    upstream: Upstream, writer: Writer, content: bytes
) -> None:
    manifest = synced(upstream, writer)
    upstream.put(PATH, content)

    changed, between = check(writer, manifest), writer.sync(manifest)

    assert [one.exit_code() for one in (changed, between)] == [ExitCode.REFUSED] * 2
    (unit,) = changed.units
    assert unit.state is UnitState.STALE
    assert unit.failure is not None
    assert str(Digest.of(content)) in unit.failure.message
    assert unit.failure.hint.endswith(f"--upgrade {upstream.url(PATH)}")
    assert digest(writer, upstream) == Digest.of(OLD)


def test_a_pin_that_was_let_go_takes_the_new_bytes_and_the_finding_ends(
    upstream: Upstream, writer: Writer
) -> None:
    manifest = synced(upstream, writer)
    upstream.put(PATH, NEW)
    check(writer, manifest)
    lock = writer.folder / "team.yaml.lock"
    lock.write_text('{"checkpoints": {}, "repos": {}, "source": "team", "version": 1}\n')

    report = writer.sync(manifest)

    assert (report.exit_code(), kinds(report)) == (ExitCode.OK, [])
    assert digest(writer, upstream) == Digest.of(NEW)


def test_bytes_that_may_change_are_taken_into_the_lock(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer, on_changed_url="follow")
    upstream.put(PATH, LONGER)

    report, after = check(writer, manifest), check(writer, manifest)

    assert report.exit_code() is ExitCode.OK
    assert kinds(report) == [FindingKind.CHANGED_URL]
    assert digest(writer, upstream) == Digest.of(LONGER)
    assert str(Digest.of(LONGER)) in (writer.folder / "team.yaml.lock").read_text()
    assert kinds(after) == []


def test_bytes_that_are_held_stay_and_are_told(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer, on_changed_url="hold")
    upstream.put(PATH, NEW)

    first, second = check(writer, manifest), check(writer, manifest)

    for report in (first, second):
        assert report.exit_code() is ExitCode.REFUSED
        assert report.units[0].warnings[0].endswith("; the locked ones stay")
    assert digest(writer, upstream) == Digest.of(OLD)
    assert upstream.fetched_files() == [PATH]


def test_a_sha256_of_the_manifest_is_never_followed_away(
    upstream: Upstream, writer: Writer
) -> None:
    sha256 = Digest.of(OLD).hex
    manifest = synced(upstream, writer, on_changed_url="follow", sha256=sha256)
    upstream.put(PATH, NEW)

    report = check(writer, manifest)

    assert report.exit_code() is ExitCode.REFUSED
    assert digest(writer, upstream) == Digest.of(OLD)


def test_another_etag_for_the_same_bytes_is_no_finding(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer)
    upstream.put(PATH, OLD, fault=NoEtag(), headers={"ETag": '"another"'})

    report, again = check(writer, manifest), check(writer, manifest)

    assert (kinds(report), kinds(again)) == ([], [])
    assert upstream.fetched_files() == [PATH]


@pytest.mark.parametrize("faults", [(NoEtag(),), (WeakEtag(),)])
def test_without_a_strong_etag_the_date_of_the_last_check_tells(
    upstream: Upstream, writer: Writer, faults: tuple[Fault, ...]
) -> None:
    manifest = synced(upstream, writer, *faults)
    check(writer, manifest)
    upstream.put(PATH, NEW, fault=faults)

    report = check(writer, manifest)

    assert kinds(report) == [FindingKind.CHANGED_URL]


def test_a_host_that_says_nothing_of_versions_is_believed_by_the_length(
    upstream: Upstream, writer: Writer
) -> None:
    manifest = synced(upstream, writer, NoEtag(), NoLastModified())
    upstream.put(PATH, LONGER, fault=(NoEtag(), NoLastModified()))

    report = check(writer, manifest)

    assert kinds(report) == [FindingKind.CHANGED_URL]


def test_what_is_too_large_is_told_by_its_length_and_not_fetched(
    upstream: Upstream, writer: Writer
) -> None:
    upstream.put(PATH, OLD)
    url = upstream.url(PATH)
    manifest = writer.manifest(checkpoints=[{"url": url}], max_size="20B")
    writer.sync(manifest)
    upstream.put(PATH, LONGER)
    upstream.clear_log()

    report = check(writer, manifest)

    assert kinds(report) == [FindingKind.CHANGED_URL]
    assert upstream.fetched_files() == []


@pytest.mark.parametrize("fault", [HangUp(), Status(503), Status(429), Status(403)])
def test_a_host_that_says_nothing_of_use_changes_nothing(
    upstream: Upstream, writer: Writer, fault: Fault
) -> None:
    manifest = synced(upstream, writer)
    upstream.put("/fine.pth", NEW)
    fine = writer.manifest(checkpoints=[{"url": upstream.url("/fine.pth")}], name="other")
    writer.sync(fine)
    upstream.put(PATH, NEW, fault=fault)

    report = sync([manifest, fine], writer.settings, Options(check_urls=True))

    assert (report.exit_code(), kinds(report)) == (ExitCode.OK, [])
    assert report.checked is not None
    assert len(report.checked.unanswered) == 1


def test_where_nobody_answers_the_exit_code_says_so(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer)
    upstream.stop()

    report = check(writer, manifest)

    assert report.exit_code() is ExitCode.UPSTREAM
    assert digest(writer, upstream) == Digest.of(OLD)


def test_a_check_leaves_nothing_behind(upstream: Upstream, writer: Writer) -> None:
    manifest = synced(upstream, writer, EtagChanges(after=1))

    report = check(writer, manifest)

    assert kinds(report) == [FindingKind.CHANGED_URL]
    assert list((writer.folder / "state" / "partial").iterdir()) == []
    assert writer.leftovers() == []


def test_a_file_that_is_gone_is_told_as_well(writer: Writer, tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    file.write_bytes(OLD)
    manifest = writer.manifest(checkpoints=[{"url": file.as_uri()}])
    writer.sync(manifest)
    same = check(writer, manifest)
    file.unlink()

    report = check(writer, manifest)

    assert kinds(same) == []
    assert kinds(report) == [FindingKind.GONE_URL]


def test_a_secret_in_an_address_is_in_no_finding(
    upstream: Upstream, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNED", upstream.url(f"{PATH}?token=xyzzy-secret"))
    manifest = synced(upstream, writer, fetch_url="${SIGNED}")
    upstream.put(PATH, OLD, fault=Status(404))

    report = check(writer, manifest)

    assert kinds(report) == [FindingKind.GONE_URL]
    assert "xyzzy" not in repr(report)
