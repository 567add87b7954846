"""A mirror of 50,000 blobs: what an operator asks of it every night, with and without the disk.

The mirror is made once, by the library, and kept: random bytes, and one publication of all.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubmirror import files
from hubmirror.mirror import Mirror as Opened
from hubmirror.publish import publish
from hubmirror.records import CheckpointRow, Digest, Holdings, Source, Unit, UnitState
from scripts.benchmarks.cases import Case, Contender, constant
from scripts.benchmarks.cases import Unit as Measure
from scripts.benchmarks.commands import Mirror
from scripts.benchmarks.processes import run_shell
from scripts.benchmarks.rounds import say
from scripts.benchmarks.workbench import Workbench, lacks_program

_DROP = Path("/proc/sys/vm/drop_caches")
_SIZE_BYTES = 42_000
_IN_UNIT = 500
_MIB = 2**20
_PLACE = ("--mirror", "mirror")
_OPENSSL = "find mirror/blobs -type f -print0 | xargs -0 -n 500 -P 2 openssl dgst -sha256"


@dataclass(frozen=True, slots=True)
class _Disk:
    """Whether what is read was read just before, or the kernel has forgotten all of it."""

    name: str
    prepare: Callable[[], None]
    lacks: str = ""


def cases(bench: Workbench) -> Sequence[Case]:
    mirror = _made(bench, "lifecycle", bench.size(50_000, 1_000), _SIZE_BYTES)
    cold = "" if os.access(_DROP, os.W_OK) else "only root drops what the kernel has cached"
    found: list[Case] = []
    for disk in (_Disk("hot", lambda: None), _Disk("cold", _forget, cold)):
        found += [
            _against_openssl(mirror, disk),
            _within(mirror, disk, "verify --quick", 2),
            _within(mirror, disk, "prune --dry-run", 2),
            _within(mirror, disk, "list", 0.5),
            _within(mirror, disk, "status", 0.5),
        ]
    return [*found, _memory(bench)]


def _against_openssl(mirror: Mirror, disk: _Disk) -> Case:
    def ours(_: Path) -> float:
        disk.prepare()
        return mirror.run("verify", "--full", *_PLACE).seconds

    def openssl(_: Path) -> float:
        disk.prepare()
        return run_shell(f"{_OPENSSL} >/dev/null", folder=mirror.folder).seconds

    lacks = disk.lacks or lacks_program("openssl")
    return Case(
        f"Verify 50,000 blobs of 42 kB, {disk.name}",
        "Whole processes; the peer hashes the same files and compares nothing.",
        Contender("`hubmirror verify --full`", ours, lacks=disk.lacks),
        (Contender("`xargs -P2 openssl dgst`", openssl, 0.9, lacks),),
        warms_up=True,
    )


def _within(mirror: Mirror, disk: _Disk, words: str, most_s: float) -> Case:
    def ours(_: Path) -> float:
        disk.prepare()
        return mirror.run(*words.split(), *_PLACE).seconds

    return Case(
        f"`{words}` of 50,000 blobs, {disk.name}",
        "The whole process; cold, Python itself is read from the disk too.",
        Contender(f"`hubmirror {words}`", ours, lacks=disk.lacks),
        (constant("the limit", most_s),),
        warms_up=True,
    )


def _memory(bench: Workbench) -> Case:
    mirror = _made(bench, "lifecycle_memory", bench.size(100_000, 1_000), 100)

    def ours(_: Path) -> float:
        return mirror.run("verify", "--full", *_PLACE).peak_bytes / _MIB

    return Case(
        "Memory of a verify of 100,000 blobs",
        "The peak of resident memory of the whole command, as the kernel counts it (wait4).",
        Contender("`hubmirror verify --full`", ours),
        (constant("the limit", 200),),
        Measure.MEBIBYTES,
        most_rounds=1,
    )


def _forget() -> None:
    os.sync()
    _DROP.write_text("3\n", encoding="ascii")


def _made(bench: Workbench, name: str, count: int, size_bytes: int) -> Mirror:
    """Make a mirror of so many blobs of random bytes, or take the one that was made before.

    It is never removed: ext4 makes new files far slower right after as many were deleted.
    """
    made = Mirror(bench.folder / f"{name}_{count}x{size_bytes}")
    root = made.folder / "mirror"
    if not (root / "current.json").exists():
        say(f"  making a mirror of {count:,} blobs")
        made.folder.mkdir(parents=True, exist_ok=True)
        with Opened.create(root, files.Modes()) as mirror:
            rows = tuple(_stored(mirror, count, size_bytes))
            units = tuple(
                _unit(start, rows[start : start + _IN_UNIT]) for start in range(0, count, _IN_UNIT)
            )
            publish(mirror, Holdings((Source("bench", "{}"),), units), files.Modes())
    return made


def _stored(mirror: Opened, count: int, size_bytes: int) -> Iterator[CheckpointRow]:
    """Write blobs under their names; the disk need not have them when the power fails."""
    seed = random.Random(count)
    for number in range(count):
        content = seed.randbytes(size_bytes)
        digest = Digest.of(content)
        path = mirror.blobs.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        url = f"https://h.example/models/{number // _IN_UNIT}/{number}.pth"
        yield CheckpointRow(url, digest, size_bytes, "")


def _unit(number: int, rows: tuple[CheckpointRow, ...]) -> Unit:
    name = f"owner/repo{number}"
    return Unit("bench", name, UnitState.COMPLETE, "", None, rows)
