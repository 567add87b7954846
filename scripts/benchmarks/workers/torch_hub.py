"""Fetches as torch.hub does, one file after the other, with its check of the whole hash."""

from __future__ import annotations

from pathlib import Path

from torch.hub import download_url_to_file

from scripts.benchmarks.workers.job import Job, serve, sync_file


def fetch(job: Job) -> None:
    """Bring every file into the folder."""
    for one in job.files:
        path = Path(job.folder, one.name)
        download_url_to_file(one.url, str(path), hash_prefix=one.sha256, progress=False)
        if job.is_durable:
            sync_file(path)


if __name__ == "__main__":
    serve(fetch)
