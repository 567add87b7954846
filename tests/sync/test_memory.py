"""What a sync of many files takes in memory, as the kernel counts it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.kills import ROOT
from tests.upstream import Upstream
from tests.writer import Writer

FILES = 5_000
MOST_BYTES = 110 * 2**20
"""A process at rest takes 60 MiB; 20,000 files shall stay under 250 MiB, so these have 47."""

# A small process in between: the kernel counts what a child shares with its parent until it
# runs its own program, and that of the tests is large.
MEASURE = """
import os, sys
child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
_, status, used = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024)
"""


@pytest.mark.long
def test_a_sync_of_many_small_files_stays_small(writer: Writer, upstream: Upstream) -> None:
    entries = [
        {"url": upstream.put(f"/model-variant-{number:06}.pth", f"{number:8}".encode() * 256)}
        for number in range(FILES)
    ]
    manifest = writer.manifest(checkpoints=entries)
    state = str(writer.folder / "state")
    command = ["sync", str(manifest), "--mirror", str(writer.root), "--state", state]

    answer = subprocess.run(
        [sys.executable, "-c", MEASURE, "-m", "hubmirror", *command],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    outcome, peak_bytes = map(int, answer.stdout.split()[-2:])
    assert outcome == 0
    assert len(writer.holdings().units) == FILES
    assert peak_bytes < MOST_BYTES
