"""kill -9 in the middle of downloads: what was fetched is not fetched again."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.mirror import Mirror
from hubmirror.records import Digest, UnitState
from hubmirror.upstream.claims import BLOCK_BYTES
from hubmirror.verify import verify
from tests.kills import SentAgain, Victims
from tests.upstream import Upstream, faults
from tests.writer import Writer

CONNECTIONS = 4
SMALL = {f"/small{number}.pth": 50_000 for number in range(17)}
LARGE = {f"/large{number}.pth": 24 * 1024 * 1024 for number in range(3)}
SIZE = sum(SMALL.values()) + sum(LARGE.values())


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as running:
        yield running


def kill_until_done(
    writer: Writer, upstream: Upstream, victims: Victims, chance: random.Random
) -> int:
    """Sync 20 new files, killed at random moments; return how often it was killed."""
    bodies = {path: chance.randbytes(size) for path, size in (SMALL | LARGE).items()}
    urls = {
        upstream.put(path, body, fault=faults.Slow(16_000_000)): body
        for path, body in bodies.items()
    }
    manifest = writer.manifest(checkpoints=[{"url": url} for url in urls], jobs=2)
    state = writer.folder / "state"
    arguments = ["sync", str(manifest), "--mirror", str(writer.root), "--state", str(state)]
    moments = (chance.uniform(0.1, 1.0) for _ in itertools.count())
    again = SentAgain(upstream, writer.root, state / "partial")

    def look() -> None:
        assert again.since_last_time() <= CONNECTIONS * BLOCK_BYTES

    kills = victims.until_done(arguments, moments, look=look)

    check(writer, urls)
    assert any(request.status == 206 for request in upstream.requests)
    return kills


def check(writer: Writer, urls: dict[str, bytes]) -> None:
    with Mirror.open(writer.root) as mirror:
        assert verify(mirror).faults == ()
    units = writer.holdings().units
    rows = {row.url: row.digest for unit in units for row in unit.checkpoints}
    assert rows == {url: Digest.of(body) for url, body in urls.items()}
    assert all(unit.state is UnitState.COMPLETE for unit in units)
    assert writer.leftovers() == []
    assert list((writer.folder / "state" / "partial").iterdir()) == []


def test_what_was_fetched_before_a_kill_is_not_fetched_again(
    writer: Writer, upstream: Upstream, victims: Victims
) -> None:
    assert kill_until_done(writer, upstream, victims, random.Random(1)) >= 2


@pytest.mark.long
@pytest.mark.timeout(900)
def test_fifty_kills_at_random_moments(
    tmp_path: Path, upstream: Upstream, victims: Victims
) -> None:
    chance, kills, rounds = random.Random(2), 0, 0

    while kills < 50:
        folder = tmp_path / f"host{rounds}"
        folder.mkdir()
        kills += kill_until_done(Writer(folder), upstream, victims, chance)
        rounds += 1
