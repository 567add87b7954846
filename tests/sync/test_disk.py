"""Disks that are full, or would be."""

from __future__ import annotations

import os
import shutil

import pytest

from hubmirror.cli.app import run
from hubmirror.errors import ExitCode, StorageError
from tests.upstream import Upstream
from tests.writer import Writer


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
    large = upstream.put("/large.pth", os.urandom(3_000_000))
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
