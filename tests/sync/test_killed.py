"""kill -9 at any moment of a sync: readers see old or new, and the next run finishes the work."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.index import Index
from hubmirror.mirror import Mirror
from hubmirror.records import UnitState
from hubmirror.verify import verify
from tests.kills import ROOT, Victims
from tests.upstream import Upstream, faults, hubs
from tests.writer import Writer, wanted

FILES = 6
JOBS = 2


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as running:
        yield running


def arguments(writer: Writer, manifest: Path) -> list[str]:
    state = str(writer.folder / "state")
    return ["sync", str(manifest), "--mirror", str(writer.root), "--state", state]


def check_readable(writer: Writer) -> None:
    """What is published is whole, whenever the writer died."""
    if not (writer.root / "current.json").exists():
        return
    with Mirror.open(writer.root) as mirror:
        mirror.catalog()
        assert verify(mirror).faults == ()


def kill_until_done(writer: Writer, upstream: Upstream, victims: Victims, seed: int) -> None:
    hub = hubs.plain_weights(upstream)
    urls = [upstream.put(f"/{number}.pth", os.urandom(2000)) for number in range(FILES)]
    manifest = writer.manifest([wanted(hub)], checkpoints=[{"url": url} for url in urls], jobs=JOBS)
    chance = random.Random(seed)
    # Each run may get further than the one before, or this would never end.
    steps = (chance.randint(1, 20) + 4 * earlier for earlier in itertools.count())

    kills = victims.until_done(
        arguments(writer, manifest), steps, look=lambda: check_readable(writer)
    )

    assert kills >= 3
    holdings = writer.holdings()
    assert all(unit.state is UnitState.COMPLETE for unit in holdings.units)
    assert len(holdings.units) == FILES + 1
    assert writer.leftovers() == []
    fetched = [path for path in upstream.fetched_files() if path.endswith(".pth")]
    assert len(fetched) <= FILES + len(hub.weights) + kills * JOBS


def test_a_sync_killed_again_and_again_finishes_and_fetches_no_file_twice(
    writer: Writer, upstream: Upstream, victims: Victims
) -> None:
    kill_until_done(writer, upstream, victims, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 22))
def test_a_sync_killed_at_many_moments_always_finishes(
    writer: Writer, upstream: Upstream, victims: Victims, seed: int
) -> None:
    kill_until_done(writer, upstream, victims, seed)


def test_an_update_killed_at_every_step_shows_old_or_new(
    writer: Writer, upstream: Upstream, victims: Victims
) -> None:
    url = upstream.put("/first.pth", b"first")
    more = upstream.put("/second.pth", b"second")
    writer.sync(writer.manifest(checkpoints=[{"url": url}]))
    manifest = writer.manifest(checkpoints=[{"url": url}, {"url": more}])
    seen = set()

    def look() -> None:
        check_readable(writer)
        seen.add(len(writer.holdings().units))

    kills = victims.until_done(arguments(writer, manifest), itertools.count(1), look=look)

    assert kills >= 10
    assert seen == {1, 2}


def test_an_update_of_one_of_two_sources_killed_at_every_step_keeps_the_other(
    writer: Writer, upstream: Upstream, victims: Victims
) -> None:
    first, second = (upstream.put(f"/{name}.pth", name.encode()) for name in ("first", "second"))
    kept = writer.manifest([wanted(hubs.plain_weights(upstream))], name="kept")
    changed = writer.manifest(checkpoints=[{"url": first}], name="changed")
    writer.sync(kept, changed)
    before = [unit for unit in writer.holdings().units if unit.source == "kept"]
    writer.manifest(checkpoints=[{"url": second}], name="changed")
    seen: set[str] = set()
    command = [*arguments(writer, kept), str(changed)]

    def look() -> None:
        check_readable(writer)
        units = writer.holdings().units
        assert [unit for unit in units if unit.source == "kept"] == before
        seen.update(unit.name for unit in units if unit.source == "changed")

    kills = victims.until_done(command, itertools.count(1), look=look)

    assert kills >= 10
    assert seen == {first, second}
    with Index.open(writer.folder / "state" / "index.db") as index:
        assert index.holdings() == writer.holdings()


def test_an_interrupted_sync_says_so_at_once(writer: Writer, upstream: Upstream) -> None:
    slow = upstream.put("/slow.pth", os.urandom(600_000), fault=faults.Slow(20_000))
    manifest = writer.manifest(checkpoints=[{"url": slow}])
    command = [sys.executable, "-m", "hubmirror", *arguments(writer, manifest)]

    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        partial = writer.folder / "state" / "partial"
        while not any(partial.glob("*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()

    assert process.returncode == 130
    assert "interrupted; running the same command again finishes the work" in said
    assert not (writer.root / "current.json").exists()
    upstream.fault("/slow.pth")
    assert writer.sync(manifest).exit_code() is ExitCode.OK
    assert writer.leftovers() == []
