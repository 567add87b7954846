"""Fetches as ``hubmirror sync`` does: engine, landing, durable names among the blobs.

Without manifest, index and catalog; the rows that run the whole command have those.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hubmirror import files
from hubmirror.mirror import Mirror
from hubmirror.plan import FetchPlan
from hubmirror.records import Digest
from hubmirror.specs import CheckpointSpec
from hubmirror.sync.landing import Landing
from hubmirror.sync.room import Room
from hubmirror.sync.weights import WeightsFetcher
from hubmirror.upstream.http import HttpUpstream
from scripts.benchmarks.workers.job import Job, serve

_JOBS = 4  # the default of ``jobs:``


def fetch(job: Job) -> None:
    """Bring every file in under its digest."""
    modes = files.Modes()
    mirror = Mirror.create(Path(job.folder, "mirror"), modes)
    partials = Path(job.folder, "partial")
    partials.mkdir()
    landing = Landing(mirror, modes)
    plans = [FetchPlan(CheckpointSpec(one.url, Digest(one.sha256)), None) for one in job.files]
    with (
        HttpUpstream(ca_bundle=job.ca_bundle, connections_per_host=job.connections) as http,
        ThreadPoolExecutor(_JOBS) as pool,
    ):
        fetcher = WeightsFetcher(http, landing, Room(partials, mirror.incoming), str)
        rows = [done.row for done in pool.map(lambda plan: fetcher.fetch(plan, None), plans)]
    landing.place(row.blob for row in rows)


if __name__ == "__main__":
    serve(fetch)
