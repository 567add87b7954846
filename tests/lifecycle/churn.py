"""A writer that never rests: it syncs, goes back, lets publishing go on and prunes, in a loop."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hubmirror.lifecycle.going_back import release, roll_back
from hubmirror.lifecycle.keeping import Fate, Rule
from hubmirror.lifecycle.pruning import prune
from hubmirror.mirror import Mirror
from tests.lifecycle.site import TURN
from tests.upstream import Upstream, hubs
from tests.writer import Writer, wanted

_FILES = 12
_NEW = 2


@dataclass(frozen=True, slots=True)
class Churned:
    """What became of a mirror: how often the loop went round, and what its prunes removed."""

    rounds: int
    publications: int
    blobs: int


class Churn:
    """One mirror whose weights are replaced all the time; published once when it is made."""

    def __init__(self, writer: Writer, upstream: Upstream) -> None:
        self._writer = writer
        self._upstream = upstream
        self._hub = hubs.plain_weights(upstream)
        self._urls = deque((self._put(number) for number in range(_FILES)), maxlen=_FILES)
        self._put_so_far = _FILES
        self._sync()

    def run(self, *, seconds: float, grace_s: float) -> Churned:
        """Go round until the time is over, keeping two publications of different content."""
        until_s = time.monotonic() + seconds
        rounds = publications = blobs = 0
        while time.monotonic() < until_s:
            with Mirror.open(self._writer.root) as mirror:
                before = mirror.current()[0]
            for _ in range(_NEW):
                self._urls.append(self._put(self._put_so_far))
                self._put_so_far += 1
            self._sync()
            settings = self._writer.settings
            roll_back(settings, before.hex, "", TURN)
            release(settings, TURN)
            plan = prune(settings, Rule(2, 0, grace_s), TURN, datetime.now(UTC))
            rounds += 1
            publications += len(plan.fated(Fate.REMOVE))
            blobs += len(plan.blobs)
        return Churned(rounds, publications, blobs)

    def _put(self, number: int) -> str:
        return self._upstream.put(f"/{number}.pth", os.urandom(20_000))

    def _sync(self) -> None:
        checkpoints = [{"url": url} for url in self._urls]
        report = self._writer.sync(self._manifest(checkpoints))
        assert report.exit_code() == 0

    def _manifest(self, checkpoints: list[dict[str, str]]) -> Path:
        return self._writer.manifest([wanted(self._hub)], checkpoints=checkpoints)
