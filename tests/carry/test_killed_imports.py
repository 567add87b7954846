"""kill -9 at any step or moment of an import: readers see old or new, the next run finishes."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from hubmirror.verify import verify
from tests.carry.far_side import CONTENTS, LARGE, FarSide, content
from tests.carry.handmade import Handmade, source_mirror
from tests.kills import Victims


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as running:
        yield running


@dataclass(frozen=True)
class Gap:
    """What is on both sides of it.

    Attributes:
        old: A far side that has the first publication.
        pair: The first publication, and the second.
        parts: The second one in three parts, nothing left out, one blob in segments.
    """

    old: Path
    pair: tuple[Digest, Digest]
    parts: list[Path]


@pytest.fixture(scope="module")
def gap(tmp_path_factory: pytest.TempPathFactory) -> Gap:
    folder = tmp_path_factory.mktemp("gap")
    root = folder / "source"
    first = source_mirror(root, {"https://h.example/old.pth": content("old", 5_000)})
    second = source_mirror(root, CONTENTS)
    source = Mirror.open(root)
    FarSide(folder / "old").take(*Handmade.of(source, first).write(folder / "first"))
    parts = Handmade.of(source, second, parts=3, split=[LARGE]).write(folder / "second")
    return Gap(folder / "old", (first, second), parts)


class Killed:
    """A far side whose imports die, and what must hold whenever they do."""

    def __init__(self, folder: Path, gap: Gap) -> None:
        shutil.copytree(gap.old, folder)
        self.side = FarSide(folder)
        self.pair = gap.pair
        places = ["--mirror", str(self.side.root), "--state", str(folder / "state")]
        self.arguments = ["import", *map(str, gap.parts), *places]

    def look(self) -> None:
        """What is published is whole, and one of the two."""
        with self.side.mirror() as mirror:
            assert mirror.publications.current() in self.pair
            mirror.catalog()
            assert not any(verify(mirror, jobs=1).faults)

    def check_done(self) -> None:
        assert self.side.current() == self.pair[1]
        assert self.side.leftovers() == []


def kill_at(step: int, one: Killed, victims: Victims) -> bool:
    """Kill an import at one step and let the next one finish; say whether the step was reached."""
    outcome = victims.run(one.arguments, until=step)

    one.look()
    assert outcome in (-signal.SIGKILL, 0)
    assert victims.run(one.arguments, until=10**6) == 0
    one.check_done()
    return outcome != 0


def test_an_import_killed_at_any_step_is_finished_by_the_next(
    gap: Gap, victims: Victims, tmp_path: Path
) -> None:
    kills = 0
    for step in itertools.count(random.Random(5).randint(1, 12), 12):  # each under `long`
        one = Killed(tmp_path / str(step), gap)
        if not kill_at(step, one, victims):
            break
        kills += 1

    assert kills >= 4


@pytest.mark.long
def test_an_import_killed_at_each_step_is_finished_by_the_next(
    gap: Gap, victims: Victims, tmp_path: Path
) -> None:
    for step in itertools.count(1):
        one = Killed(tmp_path / str(step), gap)
        if not kill_at(step, one, victims):
            break

    assert step > 40


def kill_at_random(seed: int, kills: int, make: Callable[[str], Killed], victims: Victims) -> None:
    chance = random.Random(seed)
    done = 0
    while done < kills:
        one = make(f"{seed}-{done}")
        moments = (chance.uniform(0.005, 0.06) * 1.2**turn for turn in itertools.count())
        done += max(victims.until_done(one.arguments, moments, look=one.look), 1)
        one.check_done()


def test_an_import_killed_at_random_moments_always_finishes(
    gap: Gap, victims: Victims, tmp_path: Path
) -> None:
    def make(name: str) -> Killed:
        return Killed(tmp_path / name, gap)

    kill_at_random(1, 5, make, victims)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 7))
def test_an_import_killed_at_fifty_random_moments_always_finishes(
    gap: Gap, victims: Victims, tmp_path: Path, seed: int
) -> None:
    def make(name: str) -> Killed:
        return Killed(tmp_path / name, gap)

    kill_at_random(seed, 10, make, victims)


def test_a_reader_in_a_loop_sees_old_or_new_and_nothing_between(gap: Gap, tmp_path: Path) -> None:
    one = Killed(tmp_path / "far", gap)
    seen: list[Digest | None] = []
    child = os.fork()
    if child == 0:
        try:
            for part in gap.parts:
                one.side.take(part)
        finally:
            os._exit(0)

    is_running = True
    while is_running:
        is_running = os.waitpid(child, os.WNOHANG)[0] == 0
        with one.side.mirror() as mirror:
            serving = mirror.serving()
            assert serving.is_current
            seen.append(serving.digest)
            for blob in mirror.closure(serving.digest):
                mirror.blobs.check(blob, full=True)

    assert set(seen) == set(gap.pair)
