"""Writes the snapshot of a commit, and gives it its durable name among the blobs."""

from __future__ import annotations

from pathlib import Path

from hubmirror import files
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef
from hubmirror.sync.landing import Landing
from hubmirror.upstream.repos import GitUpstream
from hubmirror.upstream.snapshots import write_snapshot
from scripts.benchmarks.workers.job import Job, serve


def make(job: Job) -> None:
    """Make one snapshot from a clone that is there."""
    modes = files.Modes()
    landing = Landing(Mirror.create(Path(job.folder, "mirror"), modes), modes)
    clone = GitUpstream().clone(Path(job.words["clone"]))
    with landing.staged() as (stream, path):
        made = write_snapshot(clone, job.words["commit"], stream)
        stream.flush()
        landing.keep(path, made.digest)
    landing.place([BlobRef(made.digest, made.size_bytes)])


if __name__ == "__main__":
    serve(make)
