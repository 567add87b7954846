"""Bytes that are wrong though the host says nothing of it: nothing of them is mirrored."""

from __future__ import annotations

import os

import pytest

from hubmirror.errors import VerificationError
from hubmirror.records import Digest, UnitState
from hubmirror.upstream.claims import BLOCK_BYTES
from tests.upstream import Upstream, faults
from tests.writer import Writer

WRONG = [faults.FlippedByte(300_000), faults.WrongBytes(), faults.ShortBody()]
SIZES = [600_000, 3_000_000]  # one comes at once, the other may come in parts


@pytest.mark.parametrize("fault", WRONG, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_wrong_bytes_are_refused_by_digest_and_leave_nothing(
    writer: Writer, upstream: Upstream, size: int, fault: faults.Fault
) -> None:
    body = os.urandom(size)
    url = upstream.put("/w.pth", body, fault=fault)
    good = upstream.put("/good.pth", b"good")
    entry = {"url": url, "sha256": Digest.of(body).hex}

    report = writer.sync(writer.manifest(checkpoints=[entry, {"url": good}]))

    failure = report.failed()[0].failure
    assert isinstance(failure, VerificationError)
    assert f"expected sha256 {Digest.of(body)}, got " in failure.message
    assert writer.unit(url).state is UnitState.INCOMPLETE
    assert writer.unit(good).state is UnitState.COMPLETE
    assert not [
        path for path in writer.folder.rglob("*") if path.stat().st_size in (size - 1, size)
    ]
    assert list((writer.folder / "state" / "partial").iterdir()) == []


@pytest.mark.parametrize("fault", WRONG, ids=str)
def test_the_right_bytes_come_from_the_next_address(
    writer: Writer, upstream: Upstream, fault: faults.Fault
) -> None:
    body = os.urandom(SIZES[0])
    bad = upstream.put("/bad.pth", body, fault=fault)
    good = upstream.put("/good.pth", body)
    entry = {"url": bad, "urls": [good], "sha256": Digest.of(body).hex}

    writer.sync(writer.manifest(checkpoints=[entry]))

    assert [row.digest for row in writer.unit(bad).checkpoints] == [Digest.of(body)]
    assert upstream.fetched_files() == ["/bad.pth", "/good.pth"]


def test_a_host_that_lies_about_ranges_mixes_no_file(writer: Writer, upstream: Upstream) -> None:
    body = os.urandom(SIZES[1])
    fault = (faults.Drop(2_000_000, times=1), faults.LyingRange(-1000))
    url = upstream.put("/w.pth", body, fault=fault)
    entry = {"url": url, "sha256": Digest.of(body).hex}

    writer.sync(writer.manifest(checkpoints=[entry]))

    assert [row.digest for row in writer.unit(url).checkpoints] == [Digest.of(body)]
    assert [request.status for request in upstream.requests] == [200, 206, 200]


def test_a_manifest_says_how_many_connections_a_host_may_see(
    writer: Writer, upstream: Upstream
) -> None:
    body = os.urandom(4 * BLOCK_BYTES)
    url = upstream.put("/w.pth", body, fault=faults.Slow(40_000_000))

    writer.sync(writer.manifest(checkpoints=[{"url": url}], connections_per_host=1))

    assert upstream.fetched_files() == ["/w.pth"]
