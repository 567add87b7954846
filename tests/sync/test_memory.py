"""What a sync takes in memory, as the kernel counts it: of many files, and of a large one."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hubmirror.records import Digest
from tests.kills import ROOT
from tests.upstream import Upstream
from tests.writer import Writer

FILES = 5_000
MOST_BYTES = 110 * 2**20
"""A process at rest takes 60 MiB; 20,000 files shall stay under 250 MiB, so these have 47."""

MIB = 2**20
LARGE_BYTES = 1024 * MIB
MOST_BYTES_OF_LARGE = 150 * MIB

# A small process in between: the kernel counts what a child shares with its parent until it
# runs its own program, and that of the tests is large.
MEASURE = """
import os, sys
child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
_, status, used = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024)
"""


def peak_bytes(writer: Writer, manifest: Path) -> int:
    """Sync in a process of its own; return the most memory that it took."""
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
    outcome, peak = map(int, answer.stdout.split()[-2:])
    assert outcome == 0
    return peak


@pytest.mark.long
def test_a_sync_of_many_small_files_stays_small(writer: Writer, upstream: Upstream) -> None:
    entries = [
        {"url": upstream.put(f"/model-variant-{number:06}.pth", f"{number:8}".encode() * 256)}
        for number in range(FILES)
    ]

    peak = peak_bytes(writer, writer.manifest(checkpoints=entries))

    assert len(writer.holdings().units) == FILES
    assert peak < MOST_BYTES


@pytest.mark.long
def test_a_sync_of_one_large_file_stays_small(
    writer: Writer, upstream: Upstream, tmp_path: Path
) -> None:
    large = tmp_path / "large.pth"
    with large.open("wb") as stream:  # made of holes, and each MiB another
        stream.truncate(LARGE_BYTES)
        for number in range(LARGE_BYTES // MIB):
            stream.seek(number * MIB)
            stream.write(b"%8d" % number)
    with large.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    manifest = writer.manifest(checkpoints=[{"url": upstream.put("/large.pth", large)}])

    try:
        peak = peak_bytes(writer, manifest)

        (unit,) = writer.holdings().units
        assert unit.checkpoints[0].digest == Digest.parse(sha256)
        assert peak < MOST_BYTES_OF_LARGE
    finally:
        shutil.rmtree(writer.root)  # test runs keep their folders
