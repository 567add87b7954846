"""The first use of hubmirror in a process, by many threads at once, and in a forked child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.small_mirror import SmallRepo, publish, weights

ROOT = Path(__file__).parents[2]
URL = "https://h.example/w.pth"
HUBCONF = f"""
import torch
def net():
    return torch.hub.load_state_dict_from_url("{URL}")
"""


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    repo = SmallRepo("acme/net", {"main": {"hubconf.py": HUBCONF}}, {URL: weights(1.0)})
    publish(tmp_path / "mirror", [repo])
    return tmp_path / "mirror"


def run(program: str, mirror: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "HUBMIRROR": str(mirror)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_threads_that_are_all_the_first_leave_torch_as_it_was(mirror: Path) -> None:
    said = run(
        """
import threading, hubmirror
start = threading.Barrier(8)
def load():
    start.wait()
    hubmirror.load("acme/net", "net", verbose=False)
threads = [threading.Thread(target=load) for _ in range(8)]
begin = threading.Thread.start
for thread in threads: thread.start()
for thread in threads: thread.join()
import torch.hub
assert threading.Thread.start is begin
assert "hubmirror" not in torch.hub.load_state_dict_from_url.__code__.co_filename
assert torch.hub._get_cache_or_reload.__module__ == "torch.hub"
assert not hasattr(torch.hub._get_cache_or_reload, "__wrapped__")
""",
        mirror,
    )

    assert "replaced by somebody else" not in said


def test_a_child_forked_while_a_thread_loads_can_load(mirror: Path) -> None:
    run(
        """
import os, threading, time, hubmirror
from hubmirror.hub import scope
hubmirror.load("acme/net", "net", verbose=False)
held = threading.Event()
def hold():
    with scope._loading:
        held.set()
        time.sleep(5)
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    hubmirror.load("acme/net", "net", verbose=False)
    os._exit(0)
began = time.monotonic()
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert time.monotonic() - began < 4
""",
        mirror,
    )


def test_modules_that_a_repo_put_on_the_path_load_long_after(tmp_path: Path) -> None:
    hubconf = """
import os, sys
sys.path.append(os.path.join(os.path.dirname(__file__), "src"))
def net():
    def forward():
        import lazyhelper
        return lazyhelper.VALUE
    return forward
"""
    tree = {"hubconf.py": hubconf, "src/lazyhelper.py": "VALUE = 7\n"}
    repo = SmallRepo("acme/lazy", {"main": tree})
    publish(tmp_path / "mirror", [repo])

    run(
        "import hubmirror; assert hubmirror.load('acme/lazy', 'net', verbose=False)() == 7",
        tmp_path / "mirror",
    )
