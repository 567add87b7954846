"""Which stream fetches which part of a file: every missing byte belongs to exactly one claim."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

BLOCK_BYTES = 8 * 1024 * 1024
"""What a connection must have to do so that it is worth opening."""

_SHARE = 8
_LEAST_BYTES = 2 * 1024 * 1024
_MOST_BYTES = 32 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Claim:
    """What one stream has taken on; ``stop`` may shrink, and is None where nobody knows it."""

    at: int
    stop: int | None

    def is_done(self) -> bool:
        """Tell whether nothing of it is left."""
        return self.stop is not None and self.at >= self.stop


class Claims:
    """All that is missing of one file; used from several threads."""

    def __init__(self, missing: Iterable[Claim]) -> None:
        self._lock = threading.Lock()
        self._pending = list(missing)
        self._taken: list[Claim] = []

    def is_left(self) -> bool:
        """Tell whether something waits for a stream."""
        return bool(self._pending)

    def take(self, *, block_only: bool) -> Claim | None:
        """Take the first that nobody has, whole or a block of it; None when there is none.

        Blocks are large while there is much, since each costs a request, and small in the end,
        so that all streams end together.
        """
        with self._lock:
            if not self._pending:
                self._split()
            if not self._pending:
                return None
            claim = self._pending.pop(0)
            if block_only and claim.stop is not None:
                self._pending[:0] = _cut(claim, claim.stop)
            self._taken.append(claim)
            return claim

    def give_back(self, claim: Claim) -> None:
        """End a stream's claim; what it did not fetch waits for another."""
        with self._lock:
            self._taken.remove(claim)
            if not claim.is_done():
                self._pending = sorted([claim, *self._pending], key=lambda one: one.at)

    def restart(self, claim: Claim, stop: int | None) -> None:
        """Let one claim be the whole file; all others must have ended."""
        with self._lock:
            self._pending.clear()
            claim.at, claim.stop = 0, stop

    def _split(self) -> None:
        """Let the stream that has much before it keep a block, and others have the rest."""
        for claim in self._taken:
            if claim.stop is not None and claim.stop - claim.at > 2 * BLOCK_BYTES:
                self._pending += _cut(claim, claim.stop)
                return


def _cut(claim: Claim, stop: int) -> list[Claim]:
    """Let a claim keep its first block, and return the rest."""
    size = min(max((stop - claim.at) // _SHARE, _LEAST_BYTES), _MOST_BYTES)
    if stop - claim.at <= size:
        return []
    claim.stop = claim.at + size
    return [Claim(claim.stop, stop)]
