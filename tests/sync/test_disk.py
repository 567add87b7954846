"""Disks that are full, or would be."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from hubmirror.cli.app import run
from hubmirror.errors import ExitCode, StorageError
from hubmirror.records import UnitState
from hubmirror.sync import preflight
from hubmirror.sync.room import Room
from hubmirror.upstream.http import HttpUpstream
from tests.upstream import Upstream, faults
from tests.writer import Writer

MARGIN = 64 * 1024 * 1024


def only(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def test_known_sizes_that_cannot_fit_are_refused_before_anything_is_fetched(
    writer: Writer,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = upstream.put("/w.pth", os.urandom(300_000))
    manifest = writer.manifest(checkpoints=[{"url": url}])
    writer.sync(manifest)
    shutil.rmtree(writer.root)
    shutil.rmtree(writer.folder / "state")
    upstream.clear_log()
    only(64_000_000, monkeypatch)

    where = ["--mirror", str(writer.root), "--state", str(writer.folder / "state")]
    code = run(["sync", str(manifest), *where])

    assert code == ExitCode.STORAGE
    assert "no space left: 67,408,864 bytes are needed, 64,000,000 are free" in (
        capsys.readouterr().err
    )
    assert upstream.fetched_files() == []


def test_a_file_whose_size_comes_with_it_is_refused_alone(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = upstream.put("/large.pth", os.urandom(3_000_000), fault=faults.NoHead())
    small = upstream.put("/small.pth", b"small")
    only(69_000_000, monkeypatch)

    report = writer.sync(writer.manifest(checkpoints=[{"url": large}, {"url": small}]))

    failed = report.failed()
    assert [unit.name for unit in failed] == [large]
    assert isinstance(failed[0].failure, StorageError)
    assert "no space left: 70,108,864 bytes are needed" in failed[0].failure.message
    assert report.exit_code() is ExitCode.INCOMPLETE


def test_a_disk_that_fills_up_fails_that_file_only_and_the_next_run_goes_on(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 6_000_000
    large = upstream.put("/large.pth", os.urandom(size))
    small = upstream.put("/small.pth", b"small")
    manifest = writer.manifest(checkpoints=[{"url": large}, {"url": small}])
    real = os.pwrite

    def full(descriptor: int, piece: memoryview, offset: int) -> int:
        if offset > 4_000_000:
            raise OSError(28, os.strerror(28))
        return real(descriptor, piece, offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        report = writer.sync(manifest)
    assert [unit.name for unit in report.failed()] == [large]
    assert "No space left on device" in str(report.failed()[0].failure)
    upstream.clear_log()

    assert writer.sync(manifest).exit_code() is ExitCode.OK
    assert sum(request.sent_bytes for request in upstream.requests) < size - 3_000_000


def asked(upstream: Upstream) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in upstream.requests]


def test_sizes_that_only_hosts_know_are_asked_for_where_room_is_scarce(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [upstream.put(f"/{number}.pth", os.urandom(600_000)) for number in range(3)]
    manifest = writer.manifest(checkpoints=[{"url": url} for url in urls])
    only(MARGIN + 1_799_999, monkeypatch)  # each of them would fit, all of them do not

    with pytest.raises(OSError, match=f"{MARGIN + 1_800_000:,} bytes are needed"):
        writer.sync(manifest)

    assert sorted(asked(upstream)) == [("HEAD", f"/{number}.pth") for number in range(3)]


def test_no_host_is_asked_for_sizes_where_there_is_room_for_any(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [upstream.put(f"/{number}.pth", b"small") for number in range(3)]
    only(MARGIN + 3 * 4_000_000_000, monkeypatch)

    writer.sync(writer.manifest(checkpoints=[{"url": url} for url in urls]))

    assert {request.method for request in upstream.requests} == {"GET"}


def test_no_host_is_asked_for_sizes_where_the_largest_allowed_would_fit(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [upstream.put(f"/{number}.pth", b"small") for number in range(3)]
    only(MARGIN + 3_000_000, monkeypatch)

    writer.sync(writer.manifest(checkpoints=[{"url": url} for url in urls], max_size="1MB"))

    assert {request.method for request in upstream.requests} == {"GET"}


def test_a_file_over_its_limit_takes_no_room_from_others(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = upstream.put("/large.pth", os.urandom(3_000_000))
    small = upstream.put("/small.pth", b"small")
    only(MARGIN + 1_500_000, monkeypatch)

    writer.sync(writer.manifest(checkpoints=[{"url": large}, {"url": small}], max_size="1MB"))

    assert writer.unit(large).state is UnitState.INCOMPLETE
    assert writer.unit(small).state is UnitState.COMPLETE


@pytest.mark.parametrize(
    "fault",
    [
        faults.NoHead(),
        faults.NoHead(405),
        faults.Status(503, times=1),
        faults.Status.retry_after(429, 3600, times=1),
        faults.HangUp(times=1),
        faults.NoLength(),
        faults.HtmlPage(times=1),
    ],
    ids=str,
)
def test_a_host_that_tells_no_size_still_gives_the_file(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, fault: faults.Fault
) -> None:
    url = upstream.put("/w.pth", os.urandom(600_000), fault=fault)
    only(MARGIN + 1_000_000, monkeypatch)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url}]))

    assert report.exit_code() is ExitCode.OK
    assert asked(upstream) == [("HEAD", "/w.pth"), ("GET", "/w.pth")]


def test_hosts_that_never_tell_a_size_are_waited_for_once_together(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = faults.Silence(30, times=1)  # for HEAD, which comes first
    urls = [upstream.put(f"/{n}.pth", os.urandom(600_000), fault=silence) for n in range(3)]
    only(MARGIN + 2_000_000, monkeypatch)
    monkeypatch.setattr(preflight, "PATIENCE_S", 0.2)
    started = time.monotonic()

    report = writer.sync(writer.manifest(checkpoints=[{"url": url} for url in urls]))

    assert report.exit_code() is ExitCode.OK
    assert time.monotonic() - started < 10
    assert [method for method, _ in asked(upstream)] == ["HEAD"] * 3 + ["GET"] * 3


def test_the_size_of_what_is_really_fetched_is_asked_for(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = upstream.put("/signed.pth", os.urandom(600_000))
    upstream.redirect("/gate", signed)
    monkeypatch.setenv("GATE", upstream.url("/gate"))
    gated = {"url": "https://gated.example/w.pth", "fetch_url": "${GATE}"}
    only(MARGIN + 500_000, monkeypatch)

    with pytest.raises(OSError, match=f"{MARGIN + 600_000:,} bytes are needed"):
        writer.sync(writer.manifest(checkpoints=[gated]))

    assert asked(upstream) == [("HEAD", "/gate"), ("HEAD", "/signed.pth")]


def test_sizes_are_asked_for_over_connections_that_are_kept(upstream: Upstream) -> None:
    urls = [upstream.put(f"/{number}.pth", b"x" * number) for number in range(1, 6)]

    with HttpUpstream() as http:
        sizes = [http.size(url) for url in urls]
        waiting = [len(route._idle) for route in http._connections._routes.values()]

    assert sizes == [1, 2, 3, 4, 5]
    assert waiting == [1]


def test_a_small_disk_for_partial_files_stops_no_run_that_the_mirror_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        partials, mirror = Path(other), tmp_path
        free = {partials: MARGIN + 2_000_000, mirror: MARGIN + 10_000_000}
        usage = shutil.disk_usage("/")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free[path]))
        room = Room(partials, mirror)
        sizes = {partials / str(number): 1_000_000 for number in range(10)}

        room.check_all(sizes, at_once=2)

        with pytest.raises(OSError, match="no space left"):
            room.check_all(sizes, at_once=3)
        with pytest.raises(OSError, match="no space left"):
            room.check_all(sizes | {partials / "more": 1_000_000}, at_once=2)
