"""What a worker is asked to do, and the door by which it hears and answers."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch, and the sha256 that it must have."""

    url: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker does.

    Attributes:
        folder: Where it may write.
        files: What it fetches.
        ca_bundle: A file of certificates to trust; empty for the system's.
        connections: How many connections it may hold to a host.
        is_durable: Whether the files are to be on the disk at the end.
        words: What else it must know.
    """

    folder: str
    files: tuple[Wanted, ...] = ()
    ca_bundle: str = ""
    connections: int = 4
    is_durable: bool = True
    words: dict[str, str] = field(default_factory=dict)


def serve(work: Callable[[Job], None]) -> None:
    """Take a job from stdin, do it when told to, and print how long it took."""
    prepare(lambda job: lambda: work(job))


def prepare(prepared: Callable[[Job], Callable[[], None]]) -> None:
    """Like ``serve``, with a step before the time begins: from the job to what is timed."""
    fields = json.loads(sys.stdin.readline())
    files = tuple(Wanted(**one) for one in fields.pop("files"))
    work = prepared(Job(files=files, **fields))
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    work()
    print(time.perf_counter() - start, flush=True)


def sync_file(path: Path) -> None:
    """Put a file's bytes on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
