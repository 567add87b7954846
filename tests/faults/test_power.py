"""The power goes at any step, and the disk keeps only what it promised: readers see old or new.

After each step of a recorded command: all that is not sure is lost; each unsure step alone is
lost; each name is kept without the bytes that are not sure. The index and the clones of git are
lost each time.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubmirror.errors import HubmirrorError
from tests.faults import mutations, scenarios
from tests.faults.conftest import COUNTED
from tests.faults.power import Disk, Event
from tests.faults.scenarios import Known, holdings, run_once
from tests.faults.victims import Runner
from tests.upstream import Upstream

BOOT = Path("/proc/sys/kernel/random/boot_id")
RERUNS = 12
"""How many of the states a scenario goes on from, in the usual run."""


@dataclass(frozen=True, slots=True)
class Crash:
    """The tree after a power cut; ``told`` says which."""

    told: str
    disk: Disk
    names_are_sure: bool = False
    bytes_are_sure: bool = False

    def write(self, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        self.disk.write(
            target, names_are_sure=self.names_are_sure, bytes_are_sure=self.bytes_are_sure
        )

    def signature(self) -> int:
        return self.disk.signature(
            names_are_sure=self.names_are_sure, bytes_are_sure=self.bytes_are_sure
        )


def crashes(
    template: Path, events: Sequence[Event], moments: Iterable[int] | None = None
) -> Iterator[Crash]:
    """Go through all that a disk may hold, each tree once: after so many steps, or after each."""
    seen: set[int] = set()
    start = Disk(template)
    for count in moments or range(1, len(events) + 1):
        for crash in _crashes(start, events[:count]):
            if (signature := crash.signature()) not in seen:
                seen.add(signature)
                yield crash


def _crashes(start: Disk, made: Sequence[Event]) -> Iterator[Crash]:
    disk = start.copy()
    unsure = disk.unsure(made)
    at = f"after step {len(made)}, {made[-1].site}"
    yield Crash(f"{at}: all that is not sure is lost", disk, True, True)
    yield Crash(f"{at}: names without bytes", disk, False, True)
    for number in unsure:
        without = start.copy()
        without.apply(made, without=number)
        yield Crash(f"{at}: without step {number + 1}, {made[number].site}", without)


def reader_sees(crash: Crash, folder: Path, known: Known) -> str:
    """Say what is wrong with what readers see, or nothing."""
    crash.write(folder)
    try:
        found = holdings(folder, known.scenario.mirror, known.scenario.bad)
    except (AssertionError, HubmirrorError) as error:
        return f"{crash.told}: {type(error).__name__} {error}"
    if found not in (known.before, known.after):
        return f"{crash.told}: neither the old nor the new state"
    return ""


def boot_again(folder: Path) -> None:
    """Lose what counts as lost; and let files that name this boot name one that is over."""
    boot = BOOT.read_bytes().strip()
    for path in (folder / "state").rglob("*.journal"):
        path.write_bytes(path.read_bytes().replace(boot, boot[::-1]))
    for name in ("state/index.db", "state/index.db-wal", "state/index.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "state" / "git", ignore_errors=True)


def recorded(known: Known, runner: Runner, folder: Path, mutation: str = "") -> list[Event]:
    copy = known.scenario.copy(folder)
    return runner.record(known.scenario.words(copy), copy, mutation=mutation)


def test_readers_see_old_or_new_after_a_power_cut(
    known: Known, runner: Runner, tmp_path: Path, record_property: Callable[[str, str], None]
) -> None:
    events = recorded(known, runner, tmp_path / "run")
    below = [one for one in events if one.path.startswith(known.scenario.mirror) or not one.path]

    wrong = [
        reader_sees(crash, tmp_path / "run", known)
        for crash in crashes(known.scenario.template, below)
    ]

    found = f"{len(events)} steps recorded, {len(wrong)} states of the disk after a power cut"
    record_property(COUNTED, f"{known.scenario.name}: {found}")
    assert list(filter(None, wrong)) == []


def test_the_next_run_finishes_after_a_power_cut(
    known: Known, runner: Runner, tmp_path: Path
) -> None:
    go_on(known, runner, tmp_path, most=RERUNS)


@pytest.mark.long
def test_the_next_run_finishes_whatever_a_power_cut_left(
    known: Known, runner: Runner, tmp_path: Path
) -> None:
    go_on(known, runner, tmp_path, most=1000)


def go_on(known: Known, runner: Runner, tmp_path: Path, *, most: int) -> None:
    """Go on from states of the disk, at most so many, and come to where the command leads."""
    events = recorded(known, runner, tmp_path / "run")
    chance = random.Random(known.scenario.name)
    moments = sorted(chance.sample(range(1, len(events) + 1), min(most, len(events))))

    for moment in moments:
        crash = chance.choice(list(crashes(known.scenario.template, events, [moment])))
        crash.write(tmp_path / "run")
        boot_again(tmp_path / "run")

        assert runner.run(known.scenario.words(tmp_path / "run")) == 0, crash.told
        found = holdings(tmp_path / "run", known.scenario.mirror)
        assert found
        assert known.after
        assert found.sources == known.after.sources, crash.told
        assert found == known.after, crash.told
        assert known.scenario.check(tmp_path / "run") == "", crash.told


@pytest.mark.parametrize("mutation", mutations.ALL)
def test_a_step_left_out_or_swapped_would_be_seen(
    mutation: str, runner: Runner, tmp_path: Path
) -> None:
    with Upstream(tmp_path / "upstream") as upstream:
        scenario = scenarios.sync_next(tmp_path, upstream)
        known = run_once(scenario, tmp_path / "clean", runner)
        events = recorded(known, runner, tmp_path / "run", mutation)
    below = [one for one in events if one.path.startswith(scenario.mirror) or not one.path]

    states = crashes(scenario.template, below)

    assert any(reader_sees(crash, tmp_path / "run", known) for crash in states)
