"""kill -9: dies at a chosen moment, starts again, and counts what that cost its host.

``Victims`` runs ``hubmirror`` commands that die by SIGKILL: at their n-th step (an int), or
after so many seconds (a float). ``Victims.until_done`` runs one again and again, killed at the
moments it is given, a seeded random generator's for example, until it is through; the test looks
at the disk in between. ``SentAgain`` tells from the log of the test's `Upstream` how many bytes
each kill lost; what is too many is the test's to say.

Owns: processes that die. Knows nothing of what a mirror must look like after it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.forks import ROOT, Forks, serve
from tests.upstream import Upstream

__all__ = ["ROOT", "STEPS", "SentAgain", "Victims"]

STEPS = frozenset(
    {
        "os.rename",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.listdir",
        "os.truncate",
        "fcntl.flock",
        "sqlite3.connect",
        "tempfile.mkstemp",
        "subprocess.Popen",
    }
)
"""What counts as a step: whatever changes a disk, or is near to it."""


class Victims(Forks):
    """Starts commands that will be killed; use it in ``with``."""

    def __init__(self) -> None:
        super().__init__("tests.kills")

    def run(self, arguments: Sequence[str], *, until: float) -> int:
        """Run a command that dies at step ``until``; return its exit code, -9 when it died.

        A float is no step but seconds.
        """
        return self.ask(until=until, arguments=list(arguments))

    def until_done(
        self, arguments: Sequence[str], moments: Iterable[float], *, look: Callable[[], None]
    ) -> int:
        """Run a command, killed at each of the moments, until it ends before one; count the kills.

        ``look`` is called after every run, also the last. The moments must grow, or the command
        get further each time, or this would never end.
        """
        for kills, moment in enumerate(moments):
            outcome = self.run(arguments, until=moment)
            look()
            if outcome != -signal.SIGKILL:
                assert outcome == 0
                return kills
        raise AssertionError("it was killed at every moment")


class SentAgain:
    """The bytes that a server sends in vain: those that are not on the disk afterwards."""

    def __init__(self, upstream: Upstream, *folders: Path) -> None:
        """Count from now on; ``folders`` are all places where the bytes may lie."""
        self._upstream = upstream
        self._folders = folders
        self._before = 0
        upstream.clear_log()

    def since_last_time(self) -> int:
        """Return how many it sent in vain since this was asked before, so once after each kill.

        What lies on the disk counts as held. Where no journal names it, it is fetched again,
        and counted then.
        """
        sent = sum(request.sent_bytes for request in self._upstream.requests)
        now = sent - sum(map(_held_bytes, self._folders))
        lost, self._before = now - self._before, now
        return lost


def _held_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _die(asked: Mapping[str, Any]) -> int:
    from hubmirror.cli import app

    _die_at(asked["until"])
    return app.run(asked["arguments"])


def _die_at(step: int | float) -> None:
    if isinstance(step, float):
        threading.Timer(step, os.kill, [os.getpid(), 9]).start()
        return
    lock = threading.Lock()
    calls = 0

    def count(event: str, _: tuple[object, ...]) -> None:
        nonlocal calls
        if event in STEPS:
            with lock:
                calls += 1
                if calls == step:
                    os.kill(os.getpid(), 9)

    sys.addaudithook(count)


if __name__ == "__main__":
    serve(_die, ["hubmirror.cli.app", "hubmirror.cli.sync_command", "hubmirror.sync"])
