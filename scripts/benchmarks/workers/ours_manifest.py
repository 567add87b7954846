"""Reads a manifest that has not changed since the last run, with what that run kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from hubmirror.manifest.parsed import ManifestReader
from hubmirror.specs import Manifest
from scripts.benchmarks.workers.job import Job, prepare


def reading(job: Job) -> Callable[[], None]:
    """Read it once, untimed; then give what is timed."""
    path, kept = Path(job.words["manifest"]), Path(job.folder, "manifests")
    kept.mkdir()
    reader = ManifestReader(kept)
    reader.read(path)
    reader.keep(kept, time.time())
    return lambda: _check(ManifestReader(kept).read(path))


def _check(manifest: Manifest) -> None:
    if not manifest.repos:
        raise SystemExit("nothing was read")


if __name__ == "__main__":
    prepare(reading)
