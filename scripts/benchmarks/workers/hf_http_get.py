"""Fetches with huggingface_hub's ``http_get`` and hashes the file after; it does not sync."""

from __future__ import annotations

import hashlib
from pathlib import Path

from huggingface_hub.file_download import http_get
from huggingface_hub.utils.tqdm import disable_progress_bars

from scripts.benchmarks.workers.job import Job, serve


def fetch(job: Job) -> None:
    """Bring every file into the folder."""
    disable_progress_bars()
    for one in job.files:
        path = Path(job.folder, one.name)
        with path.open("wb") as stream:
            http_get(one.url, stream)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != one.sha256:
            raise SystemExit(f"{one.url}: wrong bytes")


if __name__ == "__main__":
    serve(fetch)
