"""Starts what is measured, and takes its time and memory.

A command is timed from outside, start to end. A prepared process has imported all that it
needs when its time begins, and tells its own time. Both give the peak of resident memory, of
the process or of any process that it waited for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.benchmarks.rounds import RunError
from scripts.benchmarks.workers.job import Job

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.executable)
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Took:
    """What a process took."""

    seconds: float
    peak_bytes: int


def run_command(
    command: Sequence[str | Path],
    *,
    folder: Path,
    variables: Mapping[str, str] | None = None,
) -> Took:
    """Run a command to its end, in a folder.

    Raises:
        RunError: when it ends with another exit code than 0.
    """
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=_environment(folder, variables),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        took = _wait(process, start)
        if process.returncode:
            said.seek(0)
            raise RunError(_last_words(command[0], process.returncode, said.read()))
    return took


def run_shell(script: str, *, folder: Path, variables: Mapping[str, str] | None = None) -> Took:
    """Run a line of shell, each part of which must succeed."""
    command = ["bash", "-euo", "pipefail", "-c", script]
    return run_command(command, folder=folder, variables=variables)


def run_prepared(
    python: Path,
    worker: str,
    job: Job,
    *,
    variables: Mapping[str, str] | None = None,
) -> Took:
    """Run one of ``workers`` in a fresh process; its imports are not part of its time.

    Raises:
        RunError: when it fails.
    """
    module = f"scripts.benchmarks.workers.{worker}"
    folder = Path(job.folder)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(python), "-m", module],
            cwd=ROOT,
            env=_environment(folder, variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError
        with process.stdin, process.stdout:
            answer = ""
            try:
                process.stdin.write(json.dumps(asdict(job)) + "\n")
                process.stdin.flush()
                if process.stdout.readline() == "ready\n":
                    process.stdin.write("go\n")
                    process.stdin.flush()
                    answer = process.stdout.readline()
            except BrokenPipeError:
                pass
        took = _wait(process, 0)
        if process.returncode or not answer:
            said.seek(0)
            raise RunError(_last_words(worker, process.returncode, said.read()))
    return Took(float(answer), took.peak_bytes)


def _environment(folder: Path, variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return what a measured process may know: nothing of this user's settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        **(variables or {}),
    }


def _wait(process: subprocess.Popen[bytes] | subprocess.Popen[str], start: float) -> Took:
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Took(seconds, usage.ru_maxrss * _KIB)


def _last_words(command: str | Path, code: int, said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return f"{Path(command).name} ended with {code}: {' / '.join(lines[-3:])}"
