"""Ten times the work is to cost ten times the time, not a hundred."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender
from scripts.benchmarks.commands import Mirror
from scripts.benchmarks.repos import SMALL, make_repo
from scripts.benchmarks.suites.git import repo_lines
from scripts.benchmarks.workbench import Workbench, write_manifest
from scripts.benchmarks.workers.job import Wanted

_MOST_TIMES = 11
_FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Work:
    urls: dict[str, str]
    files: tuple[Wanted, ...]

    @property
    def title(self) -> str:
        return f"{len(self.urls)} repos, {len(self.files):,} checkpoints"

    def mirror(self, folder: Path) -> Mirror:
        mirror = Mirror(folder)
        write_manifest(mirror.manifest, self.files, repo_lines(self.urls))
        return mirror


def cases(bench: Workbench) -> Sequence[Case]:
    web = bench.web()
    files = bench.many_files(web.http, bench.size(20_000, 50), _FILE_BYTES)
    names = [f"small_{number:03}.git" for number in range(bench.size(200, 10))]
    for name in names:
        make_repo(bench.repos / name, SMALL, name)
    urls = {name.removesuffix(".git"): f"{web.git}/{name}" for name in names}
    large = _Work(urls, files)
    small = _Work(dict(list(urls.items())[: len(urls) // 10]), files[: len(files) // 10])
    return [
        _case("First sync", large, small, _first, most_rounds=2),
        _unchanged(bench, large, small),
    ]


def _case(
    title: str,
    large: _Work,
    small: _Work,
    run: Callable[[_Work, Path], float],
    *,
    most_rounds: int | None = None,
) -> Case:
    return Case(
        f"{title} of {large.title}",
        "The whole command `hubmirror sync`, against the same command with a tenth of the work.",
        Contender("`hubmirror sync`", lambda folder: run(large, folder)),
        (Contender(f"itself: {small.title}", lambda folder: run(small, folder), 1 / _MOST_TIMES),),
        is_cost=True,
        most_rounds=most_rounds,
    )


def _first(work: _Work, folder: Path) -> float:
    return work.mirror(folder).sync().seconds


def _unchanged(bench: Workbench, large: _Work, small: _Work) -> Case:
    kept = {}
    for work in (large, small):
        folder = bench.folder / f"growth_{len(work.files)}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        kept[work.title] = work.mirror(folder)
        kept[work.title].sync()
    return _case("No-op sync", large, small, lambda work, _: kept[work.title].sync().seconds)
