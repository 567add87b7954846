"""A trace that is killed leaves no process and no folder, and no finished file is fetched twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.small_mirror import weights
from tests.tracing.tracer import Tracer
from tests.upstream import RepoBuilder, Upstream
from tests.writer import Writer

ROOT = Path(__file__).parents[2]

HUBCONF = """dependencies = ["torch"]
import os
import signal
import time
import torch


def waits():
    torch.hub.load_state_dict_from_url("https://weights.example/first.pth")
    print("READY", flush=True)
    with open(os.path.expanduser("~/pid"), "w") as stream:
        stream.write(str(os.getpid()))
    torch.hub.load_state_dict_from_url("https://weights.example/told.pth")
    time.sleep(600)


def dies():
    torch.hub.load_state_dict_from_url("https://weights.example/first.pth")
    os.kill(os.getpid(), signal.SIGKILL)


def loads():
    return torch.hub.load_state_dict_from_url("https://weights.example/first.pth")
"""

# As `Tracer` does it, in a process that can be killed.
PARENT = """
import sys
from pathlib import Path
from tests.hub.small_mirror import weights
from tests.tracing.tracer import Tracer
from tests.writer import Writer

class Here:
    base_url = sys.argv[2]
    def url(self, path): return self.base_url + path
    def git_url(self, name): return self.base_url + "/git/" + name

tracer = Tracer(Writer(Path(sys.argv[1])), Here())
tracer.said = type("Said", (list,), {"append": lambda self, line: print(line, flush=True)})()
tracer.one("acme/kills", "waits")
"""


@pytest.fixture
def tracer(tmp_path: Path) -> Iterator[Tracer]:
    with Upstream(tmp_path / "upstream") as upstream:
        upstream.put("/first.pth", weights(1.0))
        upstream.put("/told.pth", weights(2.0))
        RepoBuilder.create(upstream, "acme/kills").commit({"hubconf.py": HUBCONF})
        yield Tracer(Writer(tmp_path), upstream)


def sandboxes(tracer: Tracer) -> Path:
    return tracer.writer.folder / "state" / "sandboxes"


def test_a_parent_that_is_killed_takes_child_and_folders_along(tracer: Tracer) -> None:
    folder = tracer.writer.folder
    command = [sys.executable, "-c", PARENT, str(folder), tracer.upstream.base_url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        said = []
        for line in parent.stdout:
            said.append(line)
            if "told.pth" in line:
                break
        pid = int(next(sandboxes(tracer).glob("*/home/pid")).read_text())
        child = os.pidfd_open(pid)
        parent.kill()
    wait_for_end(child)
    wait_until_empty(sandboxes(tracer))
    tracer.upstream.clear_log()

    trace = tracer.one("acme/kills", "loads")

    asked = [request.path for request in tracer.upstream.requests]
    assert trace.reasons() == ()
    assert "/first.pth" not in asked


def wait_for_end(child: int) -> None:
    import select

    try:
        assert select.select([child], [], [], 60)[0], "the child outlived its tracer"
    finally:
        os.close(child)


def wait_until_empty(folder: Path) -> None:
    """Wait for the supervisor, which removes the folders last and holds a lock till then."""
    import fcntl

    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            opened = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX)
            finally:
                os.close(opened)
    assert list(folder.iterdir()) == []


def test_a_child_that_is_killed_leaves_its_record_and_nothing_else(tracer: Tracer) -> None:
    trace = tracer.one("acme/kills", "dies")

    assert trace.reasons() == (f"it stopped early: it was killed by signal {signal.SIGKILL:d}",)
    assert [one.url for one in trace.urls] == ["https://weights.example/first.pth"]
    assert list(sandboxes(tracer).iterdir()) == []
