"""The peak of resident memory of a whole ``hubmirror sync``, and of any process it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender, Unit, constant
from scripts.benchmarks.commands import Mirror
from scripts.benchmarks.workbench import Workbench, write_manifest
from scripts.benchmarks.workers.job import Wanted

_MIB = 2**20
_TIMED = "The peak of resident memory of the whole command, as the kernel counts it (wait4)."


def cases(bench: Workbench) -> Sequence[Case]:
    http = bench.web().http
    one = bench.one_file(http, bench.size(2**32, 2**22))
    many = bench.many_files(http, bench.size(20_000, 50), 4096)
    return [
        _case("Memory of a sync of one file of 4 GiB", one, 150),
        _case("Memory of a sync of 20,000 files", many, 250),
    ]


def _case(work: str, files: Sequence[Wanted], limit_mib: int) -> Case:
    def run(folder: Path) -> float:
        mirror = Mirror(folder)
        write_manifest(mirror.manifest, files)
        return mirror.sync().peak_bytes / _MIB

    return Case(
        work,
        _TIMED,
        Contender("`hubmirror sync`", run),
        (constant("the limit", limit_mib),),
        Unit.MEBIBYTES,
        most_rounds=1,
    )
