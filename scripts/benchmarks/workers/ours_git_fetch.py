"""Brings a ref of a repo into a new clone as ``hubmirror sync`` does: asks for refs, fetches.

Everything that is received is checked by git (``fetch.fsckObjects``), and that a pinned
commit is on a branch or tag of the repo.
"""

from __future__ import annotations

from pathlib import Path

from hubmirror.upstream.refs import match_refs
from hubmirror.upstream.repos import GitUpstream
from scripts.benchmarks.workers.job import Job, serve


def fetch(job: Job) -> None:
    """Fetch one ref; an empty one is the default branch."""
    upstream = GitUpstream()
    url = job.words["url"]
    remote = upstream.list_refs(url)
    rows = match_refs(job.words["ref"], remote)
    upstream.fetch(url, Path(job.folder, "clone.git"), rows, remote=remote)


if __name__ == "__main__":
    serve(fetch)
