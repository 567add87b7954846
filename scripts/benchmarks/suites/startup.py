"""Commands that scripts call in loops: how much of their time is Python's own start."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender
from scripts.benchmarks.commands import Mirror
from scripts.benchmarks.processes import PYTHON, run_command
from scripts.benchmarks.repos import SMALL, make_repo
from scripts.benchmarks.rounds import RunError
from scripts.benchmarks.suites.git import repo_lines
from scripts.benchmarks.workbench import Workbench, write_manifest

_TIMES = 10


def cases(bench: Workbench) -> Sequence[Case]:
    mirror = _mirror(bench)
    lacks = ""
    try:
        mirror.run("status", *mirror.places)
    except RunError:
        lacks = "there is no such command yet"
    return [
        _case(mirror, ["--version"], 3),
        _case(mirror, ["--help"], 7),
        _case(mirror, ["status", *mirror.places], 10, lacks),
    ]


def _case(mirror: Mirror, words: Sequence[str], most_times: float, lacks: str = "") -> Case:
    def ours(_: Path) -> float:
        return statistics.median(mirror.run(*words).seconds for _ in range(_TIMES))

    return Case(
        f"`hubmirror {words[0]}`",
        f"The median of {_TIMES} processes, each from its start to its end.",
        Contender("hubmirror", ours, lacks=lacks),
        (Contender("`python -c pass`", _bare, 1 / most_times),),
        is_cost=True,
        warms_up=True,
    )


def _bare(folder: Path) -> float:
    command = [str(PYTHON), "-c", "pass"]
    return statistics.median(run_command(command, folder=folder).seconds for _ in range(_TIMES))


def _mirror(bench: Workbench) -> Mirror:
    """Make a mirror of ten small repos."""
    folder = bench.folder / "startup"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"small_{number:03}.git" for number in range(bench.size(10, 1))]
    urls = {}
    for name in names:
        repo = make_repo(bench.repos / name, SMALL, name)
        urls[name.removesuffix(".git")] = f"file://{repo}"
    mirror = Mirror(folder)
    write_manifest(mirror.manifest, repos=repo_lines(urls))
    mirror.sync()
    return mirror
