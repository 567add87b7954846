"""Writes the snapshot of a commit, and gives it its durable name among the blobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import git  # noqa: F401 - imported by ours when it starts git; imports are not timed

from hubmirror import files
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef
from hubmirror.sync.landing import Landing
from hubmirror.upstream.repos import GitUpstream
from hubmirror.upstream.snapshots import write_snapshot
from scripts.benchmarks.workers.job import Job, prepare


def prepared(job: Job) -> Callable[[], None]:
    """Make an empty mirror; what is timed is one snapshot from a clone that is there."""
    modes = files.Modes()
    landing = Landing(Mirror.create(Path(job.folder, "mirror"), modes), modes)
    clone = GitUpstream().clone(Path(job.words["clone"]))

    def make() -> None:
        with landing.staged() as (stream, path):
            made = write_snapshot(clone, job.words["commit"], stream)
            stream.flush()
            landing.keep(path, made.digest)
        landing.place([BlobRef(made.digest, made.size_bytes)])

    return make


if __name__ == "__main__":
    prepare(prepared)
