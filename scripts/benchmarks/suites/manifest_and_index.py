"""What a sync with nothing to fetch spends its time on: the manifest, and the index."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender
from scripts.benchmarks.processes import PYTHON, run_prepared
from scripts.benchmarks.workbench import Workbench
from scripts.benchmarks.workers.job import Job

_CHECKPOINTS = 10  # of a repo


def cases(bench: Workbench) -> Sequence[Case]:
    repos, rows = bench.size(1000, 10), bench.size(100_000, 1000)
    bench.folder.mkdir(parents=True, exist_ok=True)
    manifest = bench.folder / f"manifest_{repos}.yaml"
    manifest.write_text("".join(_lines(repos)), encoding="utf-8")
    words = {"manifest": str(manifest)}
    return [
        Case(
            "Manifest of 10,000 entries, unchanged",
            "Ours: from its file to checked records, in a process whose last run read the same "
            "bytes. The peer: from the same file to plain dicts. Imports are not part of either.",
            _worker("hubmirror", "ours_manifest", words),
            (_worker("PyYAML CSafeLoader", "yaml_parse", words, 10.0),),
        ),
        Case(
            "100,000 rows into the index",
            "The same records, tables and transaction; both through the commit.",
            _worker("hubmirror", "rows", {"rows": str(rows), "by": "index"}),
            (_worker("sqlite3 executemany", "rows", {"rows": str(rows), "by": "sqlite3"}, 0.85),),
        ),
    ]


def _lines(repos: int) -> Iterator[str]:
    """Write a manifest of about 2.4 MB: every repo with two entrypoints and ten checkpoints."""
    yield "version: 1\nname: bench\nrepos:\n"
    for number in range(repos):
        yield f"  - repo: owner-{number % 97}/models-{number}\n    refs: [main, v1.{number}]\n"
        yield "    entrypoints:\n"
        for size in ("small", "large"):
            yield f"      - {{name: {size}, kwargs: {{pretrained: true, classes: {number}}}}}\n"
        yield "    checkpoints:\n"
        for place in range(_CHECKPOINTS):
            name = f"encoder_{number}_{place}_imagenet1k_v2_finetuned.pth"
            yield f"      - url: https://weights.example.org/hub/models-{number}/releases/{name}\n"
            yield f"        sha256: {hashlib.sha256(name.encode()).hexdigest()}\n"


def _worker(
    name: str, worker: str, words: dict[str, str], target: float | None = None
) -> Contender:
    def run(folder: Path) -> float:
        return run_prepared(PYTHON, worker, Job(str(folder), words=words)).seconds

    return Contender(name, run, target)
