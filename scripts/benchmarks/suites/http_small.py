"""Many files of one host: the engine, and for honesty the whole command."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.benchmarks.cases import Case
from scripts.benchmarks.downloads import Downloads
from scripts.benchmarks.suites.http_large import TIMED
from scripts.benchmarks.workbench import Workbench

_WHOLE = (
    "The whole command `hubmirror sync`, from its start to its end: manifest, index, downloads, "
    "lock, catalog, publication."
)


def cases(bench: Workbench) -> Sequence[Case]:
    http = bench.web().http
    mid = Downloads(bench.many_files(http, bench.size(1000, 20), 2**20))
    small = Downloads(bench.many_files(http, bench.size(3000, 20), 10 * 2**10))
    mid_loop, small_loop = (one.torch_hub(is_durable=False) for one in (mid, small))
    return [
        Case(
            "1,000 files of 1 MiB",
            TIMED,
            mid.ours(),
            (mid.torch_hub(1.4, is_durable=False), mid.curl_parallel(1.0)),
        ),
        Case("1,000 files of 1 MiB, whole sync", _WHOLE, mid.whole_sync(), (mid_loop,)),
        Case(
            "3,000 files of 10 KiB",
            TIMED,
            small.ours(),
            (small.torch_hub(2.0, is_durable=False), small.pooch(4.0), small.curl_parallel()),
        ),
        Case("3,000 files of 10 KiB, whole sync", _WHOLE, small.whole_sync(), (small_loop,)),
    ]
