"""A crowd of readers: each opens a mirror, reads what is published now for a while, and goes.

A reader is a thread, and begins anew when it is done; ``Crowd`` is so many processes of so many
of them. What a reader finds missing, of other bytes, half or not current is gathered, and the
test's to judge.

Owns: processes that read. Knows nothing of who writes the mirror, or on which mount.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from hubmirror.catalog.writer import content_digest
from hubmirror.errors import HubmirrorError, VerificationError
from hubmirror.mirror import Mirror
from tests.kills import ROOT

_BREATH_S = 0.5  # between two blobs: so a thousand leave the processors to the writer too
_END_S = 60
_READY = "ready\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a crowd saw.

    Attributes:
        lives: How many readers came and went without a complaint.
        blobs: How many blobs these hashed.
        wrongs: What the others complained of.
    """

    lives: int
    blobs: int
    wrongs: tuple[str, ...]


class Crowd:
    """Readers of one mirror, from when it is made until ``leave``; use it in ``with``."""

    def __init__(self, root: Path, *, processes: int, threads: int, life_s: float) -> None:
        """Start the readers; none of them reads on for longer than ``life_s``."""
        words = [sys.executable, "-m", "tests.lifecycle.crowd", root, threads, life_s]
        self._processes = [
            subprocess.Popen(
                list(map(str, words)),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for process in self._processes:
            assert process.stdout is not None
            assert process.stdout.readline() == _READY

    def leave(self) -> Seen:
        """Let every reader end, and say what they saw."""
        for process in self._processes:
            if process.stdin:
                process.stdin.close()
                process.stdin = None
        told = [process.communicate(timeout=_END_S)[0] for process in self._processes]
        parts = [Seen(**json.loads(text)) for text in told]
        return Seen(
            sum(one.lives for one in parts),
            sum(one.blobs for one in parts),
            tuple(wrong for one in parts for wrong in one.wrongs),
        )

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


class _Readers:
    """The threads of one process, and what they saw."""

    def __init__(self, root: Path, life_s: float) -> None:
        self._root = root
        self._life_s = life_s
        self._stop = threading.Event()
        self._blobs: list[int] = []  # of each life
        self._wrongs: list[str] = []

    def run(self, count: int) -> Seen:
        """Read until stdin ends."""
        threads = [threading.Thread(target=self._read_on) for _ in range(count)]
        for thread in threads:
            thread.start()
        sys.stdout.write(_READY)
        sys.stdout.flush()
        sys.stdin.read()
        self._stop.set()
        for thread in threads:
            thread.join()
        return Seen(len(self._blobs), sum(self._blobs), tuple(self._wrongs))

    def _read_on(self) -> None:
        while not self._stop.is_set():
            try:
                self._blobs.append(self._live(time.monotonic()))
            except (HubmirrorError, OSError) as error:
                self._wrongs.append(f"{type(error).__name__}: {error}")

    def _live(self, born_s: float) -> int:
        until_s = born_s + random.uniform(self._life_s / 2, self._life_s)
        with Mirror.open(self._root) as mirror:
            serving = mirror.serving()
            if not serving.is_current:
                raise VerificationError("another publication was served than the current one")
            if content_digest(serving.catalog.holdings()) != serving.publication.content_digest:
                raise VerificationError("a catalog says something else than its publication")
            blobs = sorted(mirror.closure(serving.digest))
            read = 0
            while time.monotonic() < until_s:
                mirror.blobs.check(random.choice(blobs), full=True)
                read += 1
                if self._stop.wait(_BREATH_S):
                    break
            return read


if __name__ == "__main__":
    seen = _Readers(Path(sys.argv[1]), float(sys.argv[3])).run(int(sys.argv[2]))
    fields = {"lives": seen.lives, "blobs": seen.blobs, "wrongs": seen.wrongs}
    sys.stdout.write(json.dumps(fields))
