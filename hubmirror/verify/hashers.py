"""Processes that hash small files, and how they are spoken to; the program is ``hasher``.

Knows paths only. Invariant: a process that died, or says what nobody understands, answers nothing,
and whoever asked does the work; a file is never called sound because of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

LARGE_BYTES = 1024 * 1024
"""From here on a file is for a thread of its own."""
BATCH = 256
"""How many files are asked for at once; two batches fit into what a process may be behind."""

_PROGRAM = str(Path(__file__).with_name("hasher.py"))


class Hasher:
    """A process that hashes files whose names are what their sha256 must be; use it in ``with``."""

    def __enter__(self) -> Self:
        words = [sys.executable, "-I", "-S", _PROGRAM, str(LARGE_BYTES)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()  # it holds nothing, and may be at work that nobody waits for
        self._process.__exit__(kind, error, trace)

    def send(self, paths: Sequence[str]) -> None:
        """Ask for a batch of files.

        Raises:
            OSError: when the process is gone.
        """
        if self._process.stdin is None:
            raise AssertionError
        self._process.stdin.write(os.fsencode("\0".join(paths)) + b"\0\0")
        self._process.stdin.flush()

    def receive(self, count: int) -> int | Sequence[str]:
        """Return what became of the next batch that was asked for, of so many files.

        That is the sum of their sizes where all of them are sound. Else it is a line for each:
        its sha256 in hex and its size, ``!`` and the number of an error, or nothing for a large
        file, which was not read. No lines at all come from a process that is gone.
        """
        if self._process.stdout is None:
            raise AssertionError
        answer = self._process.stdout.readline().strip()
        if answer.isdigit():
            return int(answer)
        if answer != b"-":
            return ()
        lines = [self._process.stdout.readline() for _ in range(count)]
        return [line.strip().decode() for line in lines] if all(lines) else ()
