"""Hashes small files while it is still being read what is promised: then nobody waits for that.

Where every byte is to be read, in whatever order, the names of the files say enough: each is what
its sha256 must be. Only what is sound is told; all else is looked at again, by name and size.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from hubmirror.verify.hashers import BATCH, Hasher

_WORTH_IT = 8 * BATCH


class Ahead:
    """Reads files from now on; ``finish`` returns the names of those that are sound."""

    def __init__(self, paths: Sequence[str], jobs: int) -> None:
        """Begin with these files, each called as its sha256, unless they are few."""
        self._ends = contextlib.ExitStack()
        self._pool = ThreadPoolExecutor(max_workers=jobs)
        count = jobs if len(paths) >= _WORTH_IT else 0
        self._batches = iter(_batches(paths) if count else [])
        hashers = [self._ends.enter_context(Hasher()) for _ in range(count)]
        self._sound = [self._pool.submit(self._feed, hasher) for hasher in hashers]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._batches = iter([])
        self._ends.close()
        self._pool.shutdown()

    def finish(self) -> frozenset[str]:
        """Wait for all of them."""
        return frozenset().union(*(one.result() for one in self._sound))

    def _feed(self, hasher: Hasher) -> set[str]:
        """Keep a process busy: it has its next batch before it is done with the last."""
        sound: set[str] = set()
        waiting: list[Sequence[str]] = []
        with contextlib.suppress(OSError):
            for batch in self._batches:
                hasher.send(batch)
                waiting.append(batch)
                if len(waiting) == 2:
                    sound.update(_sound(hasher, waiting.pop(0)))
            for batch in waiting:
                sound.update(_sound(hasher, batch))
        return sound


def _batches(paths: Sequence[str]) -> list[Sequence[str]]:
    """Part them; a list, for its iterator may be shared by threads."""
    return [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]


def _sound(hasher: Hasher, batch: Sequence[str]) -> Iterator[str]:
    """Return the names of a batch whose files are sound."""
    names = (path.rpartition("/")[2] for path in batch)
    answer = hasher.receive(len(batch))
    if isinstance(answer, int):
        yield from names
    else:
        lines = zip(names, answer, strict=False)
        yield from (name for name, line in lines if line.startswith(name))
