"""Hashes many files at once, each as its size asks for: large in threads, small in processes.

Knows blobs and their paths, nothing of mirrors. Every processor is busy; hashing leaves the
interpreter alone, but opening thousands of files does not.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from hubmirror.records import BlobRef
from hubmirror.verify.hashers import BATCH, LARGE_BYTES, Hasher

_WORTH_A_PROCESS = 4 * BATCH

_PathOf = Callable[[BlobRef], str]


@dataclass(frozen=True, slots=True)
class Read:
    """What one file turned out to be: its sha256 in hex and its size, or the number of an error."""

    blob: BlobRef
    hex: str
    size_bytes: int
    error: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Blobs that were read; ``wrong`` are those whose bytes are not their names."""

    blobs: Sequence[BlobRef]
    wrong: Sequence[Read] = ()


def hash_files(
    blobs: Sequence[BlobRef],
    path: _PathOf,
    *,
    jobs: int,
    until_s: float = float("inf"),
) -> Iterator[Batch]:
    """Hash files and hand them on in batches, as they are done.

    Those at the front come first. Nothing is begun after ``until_s`` on the monotonic clock.
    """
    small = [blob for blob in blobs if blob.size_bytes < LARGE_BYTES]
    with contextlib.ExitStack() as ends:
        hashers = _Hashers(ends, jobs if len(small) >= _WORTH_A_PROCESS else 0)
        tasks = iter(_tasks(blobs, path, hashers))
        pool = ends.enter_context(ThreadPoolExecutor(max_workers=jobs))
        running: set[Future[Batch]] = set()
        while True:
            while len(running) < jobs and time.monotonic() < until_s:
                task = next(tasks, None)
                if task is None:
                    break
                running.add(pool.submit(task))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()


def _tasks(
    blobs: Sequence[BlobRef], path: _PathOf, hashers: _Hashers
) -> Iterator[Callable[[], Batch]]:
    """Give batches of small files and single large ones, near the order that was asked for."""
    waiting: list[BlobRef] = []
    for blob in blobs:
        if blob.size_bytes >= LARGE_BYTES:
            yield functools.partial(_hash_all, (blob,), path)
            continue
        waiting.append(blob)
        if len(waiting) == BATCH:
            yield functools.partial(hashers.hash_all, tuple(waiting), path)
            waiting.clear()
    if waiting:
        yield functools.partial(hashers.hash_all, tuple(waiting), path)


class _Hashers:
    """The processes that hash small files; where there are none, the asking thread does."""

    def __init__(self, ends: contextlib.ExitStack, count: int) -> None:
        self._free: queue.SimpleQueue[Hasher] = queue.SimpleQueue()
        self._count = count
        for _ in range(count):
            self._free.put(ends.enter_context(Hasher()))

    def hash_all(self, batch: Sequence[BlobRef], path: _PathOf) -> Batch:
        """Hash a batch of small files."""
        if not self._count:
            return _hash_all(batch, path)
        hasher = self._free.get()
        try:
            return _ask(hasher, batch, path)
        finally:
            self._free.put(hasher)


def _ask(hasher: Hasher, batch: Sequence[BlobRef], path: _PathOf) -> Batch:
    """Have a process hash a batch; one that died leaves the work to us."""
    try:
        hasher.send([path(blob) for blob in batch])
        answer = hasher.receive(len(batch))
    except OSError:
        answer = ()
    if answer == sum(blob.size_bytes for blob in batch):
        return Batch(batch)
    if isinstance(answer, int) or not answer:
        return _hash_all(batch, path)
    read = (
        _understand(blob, line) if line else _hash(blob, path(blob))
        for blob, line in zip(batch, answer, strict=True)
    )
    return _sorted_out(batch, read)


def _understand(blob: BlobRef, line: str) -> Read:
    if line.startswith("!"):
        return Read(blob, "", 0, int(line[1:]))
    digest, size = line.split()
    return Read(blob, digest, int(size))


def _hash_all(batch: Sequence[BlobRef], path: _PathOf) -> Batch:
    return _sorted_out(batch, (_hash(blob, path(blob)) for blob in batch))


def _sorted_out(batch: Sequence[BlobRef], read: Iterable[Read]) -> Batch:
    return Batch(batch, [one for one in read if one.hex != one.blob.digest.hex])


def _hash(blob: BlobRef, path: str) -> Read:
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - of thousands
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return Read(blob, digest, stream.tell())
    except OSError as error:
        return Read(blob, "", 0, error.errno or errno.EIO)
