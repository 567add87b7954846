"""Large files over several connections, against a real server that is slow on each of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hubmirror.records import Digest
from hubmirror.upstream.claims import BLOCK_BYTES, Claim, Claims
from hubmirror.upstream.growth import Growth
from hubmirror.upstream.http import Fetched, HttpUpstream, Terms
from hubmirror.upstream.routes import Slots
from tests.upstream import Upstream, faults

SIZE = 4 * BLOCK_BYTES
SLOW = faults.Slow(40_000_000)


@pytest.fixture(scope="module")
def body() -> bytes:
    return os.urandom(SIZE)


def fetch(url: str, path: Path, connections: int = 4) -> Fetched:
    with HttpUpstream(first_wait_s=0.01, connections_per_host=connections) as http:
        return http.fetch(url, path, Terms(url))


def statuses(upstream: Upstream) -> set[int]:
    return {request.status for request in upstream.requests}


def test_a_large_file_comes_over_several_connections(
    upstream: Upstream, tmp_path: Path, body: bytes
) -> None:
    url = upstream.put("/w.pth", body, fault=SLOW)

    fetched = fetch(url, tmp_path / "w")

    assert (tmp_path / "w").read_bytes() == body
    assert fetched.digest == Digest.of(body)
    assert statuses(upstream) == {200, 206}
    assert sum(request.sent_bytes for request in upstream.requests) < SIZE + BLOCK_BYTES


def test_one_connection_is_one_request(upstream: Upstream, tmp_path: Path, body: bytes) -> None:
    url = upstream.put("/w.pth", body)

    assert not fetch(url, tmp_path / "w", connections=1).is_pieced
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.NoRanges(),
        faults.NoLength(),
        (faults.NoEtag(), faults.NoLastModified()),
        faults.WrongRange(),
        faults.Drop(BLOCK_BYTES // 2, after=1, times=3),
        faults.Reset(BLOCK_BYTES // 2, after=1, times=3),
        faults.Status(503, after=1, times=2),
        faults.Status(403, {"X-RateLimit-Remaining": "0"}, after=1, times=1),
        faults.EtagChanges(after=1),
    ],
    ids=str,
)
def test_trouble_with_parts_costs_connections_but_not_the_file(
    upstream: Upstream, tmp_path: Path, body: bytes, fault: faults.Fault | tuple[faults.Fault, ...]
) -> None:
    many = fault if isinstance(fault, tuple) else (fault,)
    url = upstream.put("/w.pth", body, fault=(*many, SLOW))

    fetched = fetch(url, tmp_path / "w")

    is_new = isinstance(fault, faults.EtagChanges)
    expected = bytes(255 - value for value in body) if is_new else body
    assert fetched.digest == Digest.of(expected)
    assert (tmp_path / "w").read_bytes() == expected


def test_claims_cover_a_file_once() -> None:
    size = 16 * BLOCK_BYTES
    claims = Claims([Claim(0, size)])
    first = claims.take(block_only=False)
    others = []
    while claim := claims.take(block_only=True):
        others.append(claim)

    assert first is not None
    taken = [first, *others]
    assert [claim.at for claim in taken] == [0, *(claim.stop for claim in taken[:-1])]
    assert taken[-1].stop == size


def test_blocks_are_large_at_first_and_small_in_the_end() -> None:
    claims = Claims([Claim(0, 16 * BLOCK_BYTES)])
    sizes = []
    while claim := claims.take(block_only=True):
        assert claim.stop is not None
        sizes.append(claim.stop - claim.at)

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 2 * BLOCK_BYTES
    assert sizes[-1] <= BLOCK_BYTES // 4


def test_connections_are_added_only_while_they_help() -> None:
    growth = Growth()
    growth.restart(0.0, 0)

    assert growth.more(0.01, 1_000, 1, spare=7) == 0  # too early to tell
    assert growth.more(1.0, 1_000, 1, spare=7) == 3
    assert growth.more(2.0, 5_000, 4, spare=4) == 4
    assert growth.more(3.0, 9_100, 8, spare=0) == 0
    is_settled_at_once = growth.is_settled
    assert growth.more(4.0, 13_200, 8, spare=0) == 0  # measured once more
    assert (is_settled_at_once, growth.is_settled) == (False, True)
    assert growth.keep == 4


def test_connections_stay_that_no_more_could_be_added_to() -> None:
    growth = Growth()
    growth.restart(0.0, 0)

    assert growth.more(1.0, 1_000, 1, spare=3) == 3
    assert growth.more(2.0, 5_000, 4, spare=0) == 0
    assert growth.more(3.0, 9_000, 4, spare=0) == 0
    assert not growth.is_settled
    assert growth.more(4.0, 13_000, 4, spare=2) == 2


def test_a_fast_connection_is_doubled_only() -> None:
    growth = Growth()
    growth.restart(0.0, 0)

    assert growth.more(1.0, 500_000_000, 1, spare=7) == 1


def test_a_host_never_sees_more_connections_than_it_may() -> None:
    slots = Slots(2)
    slots.take()

    assert slots.try_take()
    assert not slots.try_take()
    waiting = threading.Thread(target=slots.take)
    waiting.start()
    slots.give_back()
    waiting.join(5)
    assert not waiting.is_alive()
