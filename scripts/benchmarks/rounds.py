"""Runs a case: ours and every peer in turn within one round, round after round.

What one run leaves dirty in the page cache would be written out during the next, so the disk
is brought to rest in between, outside every timing. The order turns from round to round, so
that nobody always runs after the same neighbour. A folder of many files is moved aside until the
case is over: ext4 makes new files far slower right after as many were deleted.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender
from scripts.benchmarks.results import FAILED, Measured, Result

_MANY_FILES = 500


class RunError(Exception):
    """A contender did not do its work; the message says what it printed."""


def measure(case: Case, rounds: int, folder: Path) -> Result:
    """Run a case in a folder that is made and removed for each run."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        return _measure(case, rounds, folder, Path(aside))


def _measure(case: Case, rounds: int, folder: Path, aside: Path) -> Result:
    rounds = min(rounds, case.most_rounds or rounds)
    contenders = [case.ours, *case.peers]
    lacks = {one.name: one.lacks for one in contenders}
    values: dict[str, list[float]] = {one.name: [] for one in contenders}
    for number in range(-int(case.warms_up), rounds):
        for one in _turned(contenders, number):
            if lacks[one.name]:
                continue
            try:
                value = _run(one, folder, aside)
            except RunError as error:
                lacks[one.name] = f"{FAILED}{error}"
                values[one.name].clear()
                continue
            if number >= 0:
                values[one.name].append(value)
                say(f"  {one.name}: {value:.4g} {case.unit}")
    for name, why in lacks.items():
        if why:
            say(f"  {name}: {why}")
    ours, *peers = (
        Measured(one.name, tuple(values[one.name]), one.target, lacks[one.name])
        for one in contenders
    )
    return Result(case.work, case.timed, case.unit, case.is_cost, ours, tuple(peers))


def say(line: str) -> None:
    """Tell whoever watches."""
    print(line, file=sys.stderr, flush=True)


def _turned(contenders: Sequence[Contender], number: int) -> Sequence[Contender]:
    start = max(number, 0) % len(contenders)
    return [*contenders[start:], *contenders[:start]]


def _run(contender: Contender, folder: Path, aside: Path) -> float:
    folder.mkdir(parents=True)
    os.sync()
    try:
        return contender.run(folder)
    finally:
        if sum(1 for path in folder.rglob("*")) < _MANY_FILES:
            shutil.rmtree(folder)
        else:
            folder.rename(aside / str(len([*aside.iterdir()])))
