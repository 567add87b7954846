"""Ten times the work is to cost ten times the time, not a hundred."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    """A manifest's worth of work, and the mirror that was last made of it."""

    mirror: Mirror
    urls: Mapping[str, str]
    files: Sequence[Wanted]

    @property
    def title(self) -> str:
        return f"{len(self.urls)} repos, {len(self.files):,} checkpoints"

    def first_sync(self, _: Path) -> float:
        """Sync into nothing; the mirror stays for ``next_sync``."""
        shutil.rmtree(self.mirror.folder, ignore_errors=True)
        self.mirror.folder.mkdir(parents=True)
        write_manifest(self.mirror.manifest, self.files, repo_lines(self.urls))
        return self.mirror.sync().seconds

    def next_sync(self, _: Path) -> float:
        """Sync again, with nothing to do."""
        return self.mirror.sync().seconds


def cases(bench: Workbench) -> Sequence[Case]:
    web = bench.web()
    files = bench.many_files(web.http, bench.size(20_000, 50), _FILE_BYTES)
    names = [f"small_{number:03}.git" for number in range(bench.size(200, 10))]
    for name in names:
        make_repo(bench.repos / name, SMALL, name)
    urls = {name.removesuffix(".git"): f"{web.git}/{name}" for name in names}
    tenth = dict(list(urls.items())[: len(urls) // 10])
    large = _Work(Mirror(bench.folder / "growth_large"), urls, files)
    small = _Work(Mirror(bench.folder / "growth_small"), tenth, files[: len(files) // 10])
    return [
        _case("First sync", large, small, _Work.first_sync, most_rounds=1),
        _case("No-op sync", large, small, _Work.next_sync),
    ]


def _case(
    title: str,
    large: _Work,
    small: _Work,
    sync: Callable[[_Work, Path], float],
    *,
    most_rounds: int | None = None,
) -> Case:
    return Case(
        f"{title} of {large.title}",
        "The whole command `hubmirror sync`, against the same command with a tenth of the work.",
        Contender("`hubmirror sync`", partial(sync, large)),
        (Contender("a tenth of it", partial(sync, small), 1 / _MOST_TIMES),),
        is_cost=True,
        most_rounds=most_rounds,
    )
