"""Reads a manifest that has not changed since the last run, with what that run kept of it."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path

from hubmirror.manifest.reading import read_manifest
from scripts.benchmarks.workers.job import Job, prepare


def reading(job: Job) -> Callable[[], None]:
    """Read it once, untimed; then give what is timed."""
    path, kept = Path(job.words["manifest"]), Path(job.folder, "manifests")
    try:
        reader_class = importlib.import_module("hubmirror.manifest.parsed").ManifestReader
    except ImportError:  # a version that parses each time
        return lambda: _check(read_manifest(path))
    kept.mkdir()
    reader = reader_class(kept)
    reader.read(path)
    reader.keep(kept, time.time())
    return lambda: _check(reader_class(kept).read(path))


def _check(manifest: object) -> None:
    if not manifest:
        raise SystemExit("nothing was read")


if __name__ == "__main__":
    prepare(reading)
