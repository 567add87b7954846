"""kill -9 at any moment of an export: parts are whole or not there, and the next run goes on."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubmirror import exports
from hubmirror.records import Digest
from tests.carry.sender import KB, Sender
from tests.kills import Victims

SIZES = (100, 40 * KB, 700 * KB, 3, 90 * KB)


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as running:
        yield running


@pytest.fixture
def whole(sender: Sender, tmp_path: Path) -> dict[str, bytes]:
    """Publish, and return the files of an export that nobody kills."""
    sender.publish(*SIZES)
    sender.export(tmp_path / "whole", part_bytes=400 * KB)
    for record in sender.state.exports.iterdir():
        record.unlink()
    return files_of(tmp_path / "whole")


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def arguments(sender: Sender, out: Path) -> list[str]:
    where = ["--mirror", str(sender.root), "--state", str(sender.state.root)]
    return ["export", str(out), "--part-size", "400kB", *where]


def check(out: Path, whole: dict[str, bytes]) -> Callable[[], None]:
    """Return what looks, after each kill, at what is there: whole parts, and true sums."""

    def look() -> None:
        there = files_of(out)
        names = {name for name in there if not name.endswith(".partial")}
        for name in names - {"SHA256SUMS"}:
            assert there[name] == whole[name]
        for line in there.get("SHA256SUMS", b"").decode().splitlines():
            digest, name = re.split("  ", line)
            assert Digest.of(there[name]) == Digest(digest)

    return look


def test_an_export_killed_at_any_of_its_steps_finishes_the_next_time(
    sender: Sender, tmp_path: Path, victims: Victims, whole: dict[str, bytes]
) -> None:
    for step in itertools.count(1):
        out = tmp_path / f"killed-at-{step}"
        outcome = victims.run(arguments(sender, out), until=step)
        check(out, whole)()
        if outcome == 0:
            break
        assert victims.run(arguments(sender, out), until=10**6) == 0
        assert files_of(out) == whole

    assert step >= 12
    assert len(exports.recorded(sender.state)) == 1


def test_an_export_killed_at_one_step_writes_only_what_was_not_complete(
    sender: Sender, tmp_path: Path, victims: Victims, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    killed = next(
        step
        for step in itertools.count(8, 2)
        if victims.run(arguments(sender, out), until=step) == -9 and (out / "SHA256SUMS").exists()
    )
    lines = (out / "SHA256SUMS").read_text().splitlines()
    kept = {name: (out / name).stat().st_ino for name in (line[66:] for line in lines)}
    assert killed
    assert 0 < len(kept) < len([name for name in whole if name.endswith(".tar")])

    assert victims.run(arguments(sender, out), until=10**6) == 0

    assert {name: (out / name).stat().st_ino for name in kept} == kept
    assert files_of(out) == whole


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_an_export_killed_at_random_moments_finishes(
    sender: Sender, tmp_path: Path, victims: Victims, whole: dict[str, bytes], seed: int
) -> None:
    out = tmp_path / "out"
    chance = random.Random(seed)
    moments = (chance.uniform(0.001, 0.02) + 0.002 * earlier for earlier in itertools.count())

    kills = victims.until_done(arguments(sender, out), moments, look=check(out, whole))

    assert kills >= 1
    assert files_of(out) == whole
