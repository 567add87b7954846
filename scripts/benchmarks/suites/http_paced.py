"""A host that gives each connection 20 MB/s and answers after 50 ms; eight connections."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.benchmarks.cases import Case
from scripts.benchmarks.downloads import Downloads
from scripts.benchmarks.paced import Terms, paced
from scripts.benchmarks.suites.http_large import TIMED
from scripts.benchmarks.workbench import Workbench

_MIB = 2**20
_TERMS = Terms(bytes_per_second=20_000_000, latency_s=0.05)


def cases(bench: Workbench) -> Sequence[Case]:
    bench.served.mkdir(parents=True, exist_ok=True)
    base_url = bench.ends.enter_context(paced(bench.served, _TERMS))
    found = []
    for full_mib in (128, 512):
        files = bench.one_file(base_url, bench.size(full_mib * _MIB, _MIB))
        downloads = Downloads(files, connections=8)
        work = f"{full_mib} MiB at 20 MB/s a connection, 50 ms a request"
        peers = (downloads.aria2c(8, 1.2), downloads.curl(6.0))
        found.append(Case(work, TIMED, downloads.ours(), peers))
    return found
