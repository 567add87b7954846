"""Runs ``hubmirror`` commands that die by SIGKILL at their n-th step, one after another.

A process of its own, with everything imported, forks for each command: that is many times
faster than starting Python each time, and as deadly.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[1]

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


class Victims:
    """Starts commands that will be killed; use it in ``with``."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.victim"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.communicate()

    def run(self, arguments: Sequence[str], *, until: float) -> int:
        """Run a command that dies at step ``until``; return its exit code, -9 when it died.

        A float is no step but seconds.
        """
        if self._server.stdin is None or self._server.stdout is None:
            raise AssertionError
        self._server.stdin.write(json.dumps([until, list(arguments)]) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


def _serve() -> None:
    from hubmirror.cli import app, sync_command  # noqa: F401 - imported before any fork
    from hubmirror.manifest import reading
    from hubmirror.sync import sync  # noqa: F401

    reading.parse_manifest("version: 1\nrepos: [{repo: a/b}]", file="warm")  # imports pydantic
    for line in sys.stdin:
        until, arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)
            _die_at(until)
            os._exit(app.run(arguments))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


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
    _serve()
