"""Opens a view in processes that die at their first step, their second, and so on.

Run as ``python -m tests.hub.dying MIRROR CACHE SEED``; prints how many died. With a seed they
die at random moments instead. A fork for each is many times faster than a Python for each.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubmirror.hub.views import Views
from hubmirror.mirror import Mirror
from hubmirror.resolve import Spec, resolve

RANDOM_DEATHS = 60


def main(mirror: Path, cache: Path, seed: str) -> None:
    """Let processes die until one gets through, and check what each of them left."""
    opened = Mirror.open(mirror)
    resolved = resolve(opened.catalog(), Spec.parse("acme/one"))
    chance = random.Random(seed)

    def open_view(folder: Path) -> Path:
        return Views(opened.blobs, folder).open(resolved).folder

    whole = contents(open_view(cache / "whole"))
    deaths, attempts, outcome = 0, 0, signal.SIGKILL.value
    while outcome or (seed != "None" and attempts < RANDOM_DEATHS):
        attempts += 1
        moment = chance.uniform(0, 0.03) if seed != "None" else attempts
        outcome = run(lambda: open_view(cache / "dying"), moment)
        deaths += outcome != 0
        for found in (cache / "dying").glob("views/*/acme*/hub/*"):
            check(contents(found) == whole, f"half a view after {moment}")
        check(contents(open_view(cache / "dying")) == whole, f"no whole view after {moment}")
        shutil.rmtree(cache / "dying")
    sys.stdout.write(str(deaths))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def check(is_right: bool, message: str) -> None:
    if not is_right:
        raise AssertionError(message)


def run(job: Callable[[], Any], moment: float) -> int:
    """Run a job in a child that dies at a step, or after seconds if that is no whole number."""
    child = os.fork()
    if child == 0:
        if isinstance(moment, int):
            die_at_step(moment)
        else:
            threading.Timer(moment, os.kill, [os.getpid(), signal.SIGKILL]).start()
        job()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def die_at_step(step: int) -> None:
    left = step

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        if event.startswith(("os.", "shutil.", "tempfile.")) or event == "open":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
