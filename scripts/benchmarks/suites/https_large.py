"""One large file over TLS, with an authority that is thrown away after."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.benchmarks.cases import Case
from scripts.benchmarks.downloads import Downloads
from scripts.benchmarks.suites.http_large import TIMED
from scripts.benchmarks.workbench import Workbench


def cases(bench: Workbench) -> Sequence[Case]:
    web = bench.web()
    files = bench.one_file(web.https, bench.size(2**30, 2**20))
    downloads = Downloads(files, ca_file=str(web.ca_file))
    return [
        Case(
            "1 GiB over HTTPS",
            TIMED,
            downloads.ours(),
            (
                downloads.curl(0.9),
                downloads.aria2c(1),
                downloads.torch_hub(1.0, is_durable=True),
                downloads.hf_http_get(1.0),
                downloads.pooch(1.0),
            ),
        )
    ]
