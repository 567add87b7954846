"""Hashes small files while it is still being read what is promised: then nobody waits for that.

Where every byte is to be read, in whatever order, the names of the files say enough: each is what
its sha256 must be. Only what is sound is told; all else is looked at again, by name and size.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from hubmirror.verify.reading import start_hasher

_BATCH = 256
_WORTH_IT = 8 * _BATCH


class Ahead:
    """Reads files from now on; ``finish`` returns the names of those that are sound."""

    def __init__(self, paths: Sequence[str], jobs: int) -> None:
        """Begin with these files, each called as its sha256, unless they are few."""
        self._ends = contextlib.ExitStack()
        self._pool = ThreadPoolExecutor(max_workers=jobs)
        self._batches = iter(_batches(paths) if len(paths) >= _WORTH_IT else [])
        self._sound: list[Future[set[str]]] = []
        for _ in range(jobs if len(paths) >= _WORTH_IT else 0):
            hasher = self._ends.enter_context(start_hasher())
            self._sound.append(self._pool.submit(self._feed, hasher))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._batches = iter([])
        self._ends.close()
        self._pool.shutdown()

    def finish(self) -> frozenset[str]:
        """Wait for all of them."""
        return frozenset().union(*(one.result() for one in self._sound))

    def _feed(self, hasher: subprocess.Popen[bytes]) -> set[str]:
        """Keep a process busy: it has its next batch before it is done with the last."""
        sound: set[str] = set()
        waiting: list[Sequence[str]] = []
        with contextlib.suppress(OSError):
            for batch in self._batches:
                _send(hasher, batch)
                waiting.append(batch)
                if len(waiting) == 2:
                    sound.update(_sound(hasher, waiting.pop(0)))
            for batch in waiting:
                sound.update(_sound(hasher, batch))
        return sound


def _batches(paths: Sequence[str]) -> list[Sequence[str]]:
    """Part them; a list, for its iterator may be shared by threads."""
    return [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]


def _send(hasher: subprocess.Popen[bytes], batch: Sequence[str]) -> None:
    if hasher.stdin is None:
        raise AssertionError
    hasher.stdin.write(os.fsencode("\0".join(batch)) + b"\0\0")
    hasher.stdin.flush()


def _sound(hasher: subprocess.Popen[bytes], batch: Sequence[str]) -> Iterator[str]:
    """Return the names of a batch whose files are sound; of a process that died, none."""
    if hasher.stdout is None:
        raise AssertionError
    names = [path.rpartition("/")[2] for path in batch]
    answer = hasher.stdout.readline().strip()
    if answer.isdigit():
        yield from names
    elif answer == b"-":
        for name in names:
            if hasher.stdout.readline().startswith(name.encode()):
                yield name
