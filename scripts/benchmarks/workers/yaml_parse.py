"""Parses the same YAML with PyYAML's C loader: no check of any kind, plain dicts."""

from __future__ import annotations

from pathlib import Path

import yaml

from scripts.benchmarks.workers.job import Job, serve


def parse(job: Job) -> None:
    """Parse it once."""
    with Path(job.words["manifest"]).open("rb") as stream:
        yaml.load(stream, yaml.CSafeLoader)


if __name__ == "__main__":
    serve(parse)
