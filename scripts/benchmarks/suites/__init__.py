"""The suites by name, each a module with ``cases(bench) -> Sequence[Case]``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from scripts.benchmarks.cases import Case
from scripts.benchmarks.workbench import Workbench

SUITES = {
    "http_large": "one large file over HTTP",
    "https_large": "one large file over HTTPS",
    "http_huge": "one file of several GiB",
    "http_paced": "a host that limits each connection",
    "http_small": "many files of one host",
    "git": "refs, first fetches, snapshots",
    "manifest_and_index": "manifests, and the writer's index",
    "startup": "commands that do next to nothing",
    "memory": "the peak of a whole sync",
    "growth": "ten times the work",
    "load": "models on a node",
    "carry": "bundles, there and back",
    "lifecycle": "a mirror of 50,000 blobs: verify, list, status, prune",
}


def cases_of(suite: str) -> Callable[[Workbench], Sequence[Case]]:
    """Import a suite."""
    module = importlib.import_module(f"scripts.benchmarks.suites.{suite}")
    cases: Callable[[Workbench], Sequence[Case]] = module.cases
    return cases
