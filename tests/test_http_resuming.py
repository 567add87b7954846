"""Half a file, gone on with: over a real server, with a process that dies in between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.errors import StorageError, UpstreamError
from hubmirror.records import Digest
from hubmirror.upstream import partials
from hubmirror.upstream.http import Fetched, HttpUpstream, Terms
from tests.upstream import Upstream, faults

SIZE = 6_000_000
CUT = 4_000_000


@pytest.fixture(scope="module")
def body() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "partial"
    partials.discard(tmp_path / "partial")
    assert not list(tmp_path.glob("partial*"))


class KilledError(Exception):
    """Stands for the end of the process."""


def fetch(url: str, path: Path, *, die_at: int | None = None) -> Fetched:
    come = 0

    def progress(size: int) -> None:
        nonlocal come
        come += size
        if die_at is not None and come > die_at:
            raise KilledError

    with HttpUpstream(first_wait_s=0.01) as http:
        return http.fetch(url, path, Terms(url, progress=progress))


def sent_after_the_first(upstream: Upstream) -> int:
    return sum(request.sent_bytes for request in upstream.requests[1:])


def interrupt(url: str, path: Path) -> None:
    with pytest.raises(KilledError):
        fetch(url, path, die_at=CUT)


def test_a_second_run_fetches_only_what_is_missing(
    upstream: Upstream, path: Path, body: bytes
) -> None:
    url = upstream.put("/w.pth", body)
    interrupt(url, path)

    fetched = fetch(url, path)

    assert path.read_bytes() == body
    assert fetched.digest == Digest.of(body)
    assert sent_after_the_first(upstream) <= SIZE - CUT + 2 * partials.STEP_BYTES
    assert [request.status for request in upstream.requests] == [200, 206]


def test_a_broken_connection_costs_only_what_is_missing(
    upstream: Upstream, path: Path, body: bytes
) -> None:
    url = upstream.put("/w.pth", body, fault=faults.Drop(CUT, times=1))

    fetch(url, path)

    assert path.read_bytes() == body
    assert sent_after_the_first(upstream) == SIZE - CUT


def test_what_is_complete_is_not_asked_for_again(
    upstream: Upstream, path: Path, body: bytes
) -> None:
    url = upstream.put("/w.pth", body)
    fetch(url, path)

    assert fetch(url, path).digest == Digest.of(body)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.NoRanges(),
        faults.NoLength(),
        faults.NoLength("close"),
        faults.NoEtag(),
        faults.WeakEtag(),
        (faults.NoEtag(), faults.NoLastModified()),
        (faults.WeakEtag(), faults.NoLastModified(), faults.NoLength()),
        (faults.NoEtag(), faults.NoRanges(), faults.NoLength(), faults.NoLastModified()),
        faults.WrongRange(),
        faults.WrongRange(-1000),
        faults.UnaskedGzip(),
    ],
    ids=str,
)
def test_a_host_that_can_less_still_gives_the_file(
    upstream: Upstream, path: Path, body: bytes, fault: faults.Fault | tuple[faults.Fault, ...]
) -> None:
    url = upstream.put("/w.pth", body, fault=fault)
    interrupt(url, path)

    fetched = fetch(url, path)

    assert path.read_bytes() == body
    assert fetched.digest == Digest.of(body)


def test_another_version_restarts_cleanly(upstream: Upstream, path: Path, body: bytes) -> None:
    url = upstream.put("/w.pth", body)
    interrupt(url, path)
    newer = bytes(reversed(body)) + b"more"
    upstream.put("/w.pth", newer)

    fetched = fetch(url, path)

    assert path.read_bytes() == newer
    assert fetched.digest == Digest.of(newer)


def test_a_file_that_changes_between_a_break_and_its_resumption_is_never_mixed(
    upstream: Upstream, path: Path, body: bytes
) -> None:
    fault = (faults.Drop(CUT, times=1), faults.EtagChanges(after=1))
    url = upstream.put("/w.pth", body, fault=fault)

    fetch(url, path)

    assert path.read_bytes() == bytes(255 - value for value in body)


def test_a_file_that_changes_all_the_time_fails_by_name(
    upstream: Upstream, path: Path, body: bytes
) -> None:
    url = upstream.put("/w.pth", body, fault=faults.Drop(CUT))

    come = 0

    def replace(size: int) -> None:
        nonlocal come
        come += size
        if come > 2_000_000:
            come = 0
            upstream.put("/w.pth", os.urandom(SIZE), fault=faults.Drop(CUT))

    with HttpUpstream(first_wait_s=0.01) as http, pytest.raises(UpstreamError) as caught:
        http.fetch(url, path, Terms(url, progress=replace))

    assert caught.value.message == f"{url}: changes upstream again and again while it is fetched"


def test_after_a_power_cut_only_vouched_bytes_are_believed(
    upstream: Upstream, path: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upstream.put("/w.pth", body)
    interrupt(url, path)
    with path.open("r+b") as stream:
        stream.write(bytes(2_000_000))  # the journal reached the disk, the bytes did not
    monkeypatch.setattr(partials, "_boot_id", lambda: "another boot")

    fetch(url, path)

    assert path.read_bytes() == body


def test_a_damaged_beginning_is_noticed_and_fetched_again(
    upstream: Upstream, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubmirror.upstream.following._WORTH_A_THREAD_BYTES", 0)
    monkeypatch.setattr("hubmirror.upstream.following._VOUCH_BYTES", 1_000_000)
    body = os.urandom(SIZE)
    url = upstream.put("/w.pth", body)
    interrupt(url, path)
    with path.open("r+b") as stream:
        stream.write(b"damage")

    fetched = fetch(url, path)

    assert path.read_bytes() == body
    assert fetched.digest == Digest.of(body)


def test_a_torn_journal_means_from_the_start(upstream: Upstream, path: Path, body: bytes) -> None:
    url = upstream.put("/w.pth", body)
    interrupt(url, path)
    journal = path.with_name(f"{path.name}.journal")
    journal.write_bytes(journal.read_bytes()[:40])

    fetch(url, path)

    assert path.read_bytes() == body


def test_a_journal_holds_no_address_and_no_secret(
    upstream: Upstream, path: Path, body: bytes
) -> None:
    upstream.put("/w.pth", body)
    interrupt(upstream.url("/w.pth?token=hunter2"), path)

    journal = path.with_name(f"{path.name}.journal").read_text()

    assert "hunter2" not in journal
    assert "127.0.0.1" not in journal


def test_a_full_disk_leaves_what_can_be_gone_on_with(
    upstream: Upstream, path: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upstream.put("/w.pth", body)
    real = os.pwrite

    def full(descriptor: int, piece: memoryview, offset: int) -> int:
        if offset > CUT:
            raise OSError(28, os.strerror(28))
        return real(descriptor, piece, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        fetch(url, path)
    monkeypatch.undo()
    fetch(url, path)

    assert "goes on where this stopped" in caught.value.hint
    assert path.read_bytes() == body
    assert sent_after_the_first(upstream) <= SIZE - CUT
