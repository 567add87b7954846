"""A process that has all imported, and forks for each command: faster than a new Python for each.

A module that serves calls ``serve`` with what a child is to do; whoever asks uses `Forks`. What is
asked and answered is one JSON document a line. Owns: the processes, and how their ends are told.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]

Child = Callable[[Mapping[str, Any]], int]
"""Does what was asked in a process of its own, and returns its exit code."""


class Forks:
    """Asks a module that serves; use it in ``with``."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", self._module],
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

    def ask(self, **fields: object) -> int:
        """Have a child do this; return its exit code, -9 where it was killed."""
        if self._server.stdin is None or self._server.stdout is None:
            raise AssertionError
        self._server.stdin.write(json.dumps(fields) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


def serve(child: Child, warm: Sequence[str]) -> None:
    """Import all that commands need, then fork for each line of stdin."""
    for module in warm:
        importlib.import_module(module)
    reading = importlib.import_module("hubmirror.manifest.reading")
    reading.parse_manifest("version: 1\nrepos: [{repo: a/b}]", file="warm")  # imports pydantic
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            os.dup2(2, 1)
            os._exit(child(json.loads(line)))
        _, status = os.waitpid(number, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
