"""Readers that look all the time while publications come, go and come back: none sees half."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from hubmirror.lifecycle.going_back import release, roll_back
from hubmirror.lifecycle.keeping import Rule
from hubmirror.lifecycle.pruning import prune
from tests.kills import ROOT
from tests.lifecycle.site import TURN, Site

READER = """
import sys
from pathlib import Path
from hubmirror.mirror import Mirror
print("ready", flush=True)
looks = 0
while not Path(sys.argv[2]).exists():
    with Mirror.open(Path(sys.argv[1])) as mirror:
        serving = mirror.serving()
        assert serving.is_current, "not the current one"
        for blob in mirror.closure(serving.digest):
            mirror.blobs.check(blob, full=True)
    looks += 1
print(looks)
"""
ROUNDS = 6


def run_with_readers(site: Site, grace_s: float, rounds: int = ROUNDS) -> list[tuple[int, int]]:
    """Publish, go back and prune beside three readers; return how each ended, and its looks."""
    site.publish("zero", *(f"more-{number}" for number in range(40)))
    stop = site.folder / "stop"
    command = [sys.executable, "-c", READER, str(site.root), str(stop)]
    readers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        for number in range(rounds):
            before = site.current()
            site.publish(f"content-{number}", *(f"r{number}-{at}" for at in range(4)))
            roll_back(site.settings, before.hex, "", TURN)
            release(site.settings, TURN)
            prune(site.settings, Rule(1, 0, grace_s), TURN, datetime.now(UTC))
    finally:
        stop.touch()
        said = [reader.communicate(timeout=60)[0] for reader in readers]
    return [(reader.returncode, int(text or 0)) for reader, text in zip(readers, said, strict=True)]


def test_readers_see_one_whole_publication_while_others_come_and_go(site: Site) -> None:
    ends = run_with_readers(site, grace_s=30)

    assert all(code == 0 and looks > 0 for code, looks in ends)
    site.check()


@pytest.mark.long
def test_without_a_grace_some_reader_is_robbed_so_the_test_above_can_fail(site: Site) -> None:
    ends = run_with_readers(site, grace_s=0, rounds=60)

    assert any(code != 0 for code, _ in ends)
