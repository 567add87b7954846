"""One file of 4 GiB; the memory that a sync of it takes is in the suite ``memory``."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.benchmarks.cases import Case
from scripts.benchmarks.downloads import Downloads
from scripts.benchmarks.suites.http_large import TIMED
from scripts.benchmarks.workbench import Workbench


def cases(bench: Workbench) -> Sequence[Case]:
    downloads = Downloads(bench.one_file(bench.web().http, bench.size(2**32, 2**22)))
    peers = (downloads.aria2c(1, 1.5), downloads.curl())
    return [Case("4 GiB over HTTP", TIMED, downloads.ours(), peers)]
