"""Fetches with pooch, one file after the other; it hashes and does not sync."""

from __future__ import annotations

import logging

import pooch

from scripts.benchmarks.workers.job import Job, serve


def fetch(job: Job) -> None:
    """Bring every file into the folder."""
    pooch.get_logger().setLevel(logging.ERROR)
    for one in job.files:
        pooch.retrieve(one.url, f"sha256:{one.sha256}", fname=one.name, path=job.folder)


if __name__ == "__main__":
    serve(fetch)
