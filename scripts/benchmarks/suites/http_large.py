"""One large file over plain HTTP, from nginx on loopback."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.benchmarks.cases import Case
from scripts.benchmarks.downloads import Downloads
from scripts.benchmarks.workbench import Workbench

TIMED = (
    "From the first request until every file is there and its sha256 checked; ours and rows "
    "that say fsync: until it is on the disk. Imports are not part of it; the start of a "
    "program (curl, aria2c, wget) is."
)


def cases(bench: Workbench) -> Sequence[Case]:
    size_bytes = bench.size(2**30, 2**20)
    downloads = Downloads(bench.one_file(bench.web().http, size_bytes))
    return [
        Case(
            "1 GiB over HTTP",
            TIMED,
            downloads.ours(),
            (
                downloads.aria2c(1, 2.2),
                downloads.curl(1.2),
                downloads.curl(is_durable=False),
                downloads.wget(),
                downloads.torch_hub(1.1, is_durable=True),
                downloads.hf_http_get(1.5),
                downloads.pooch(4.0),
            ),
        )
    ]
