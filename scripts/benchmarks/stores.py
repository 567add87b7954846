"""Mirrors to carry: real ones, filled without a sync; the same on every machine.

They are filled in a process of their own: the kernel counts the memory of whoever starts a command
towards the peak of that command.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.processes import PYTHON, ROOT

_PIECE_BYTES = 2**20
_BATCH = 4096


@dataclass(frozen=True, slots=True)
class Files:
    """So many checkpoints of one size."""

    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Store:
    """A mirror that grows by checkpoints of random bytes."""

    folder: Path

    @classmethod
    def empty(cls, folder: Path) -> Store:
        """Begin one in place of what is there."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return cls(folder)

    @property
    def mirror(self) -> Path:
        """The mirror's folder."""
        return self.folder / "mirror"

    @property
    def places(self) -> Sequence[str]:
        """The options that name mirror and state."""
        return ("--mirror", str(self.mirror), "--state", str(self.folder / "state"))

    @property
    def blobs(self) -> Path:
        """The folder of the blobs, which peers carry."""
        return self.mirror / "blobs"

    def grow(self, *kinds: Files) -> None:
        """Take in checkpoints and publish."""
        words = [f"{kind.count}x{kind.size_bytes}" for kind in kinds]
        command = [str(PYTHON), "-m", "scripts.benchmarks.stores", str(self.mirror), *words]
        subprocess.run(command, cwd=ROOT, check=True)


def main() -> None:
    """Fill a mirror: its folder, then ``COUNTxBYTES`` for each kind of file."""
    from hubmirror.files import Modes
    from hubmirror.mirror import Mirror
    from hubmirror.publish import publish
    from hubmirror.records import CheckpointRow, Digest, Holdings, Source, Unit, UnitState

    modes = Modes()
    with Mirror.create(Path(sys.argv[1]), modes) as mirror:
        serving = mirror.find_serving()
        units = list(serving.catalog.units()) if serving else []
        for batch in _batches(sys.argv[2:]):
            paths = {}
            for size_bytes in batch:
                path = mirror.incoming / str(len(units))
                digest = Digest(_fill(path, size_bytes))
                paths[digest] = path
                url = f"https://weights.example.org/hub/releases/encoder_{len(units)}.pth"
                row = CheckpointRow(url, digest, size_bytes)
                units.append(Unit("bench", url, UnitState.COMPLETE, "", None, (row,)))
            mirror.blobs.add_all(paths, modes)
        publish(mirror, Holdings((Source("bench", "{}"),), tuple(units)), modes)


def _batches(words: Iterable[str]) -> Iterator[Sequence[int]]:
    """Give the sizes of files, so many at a time as get their names together."""
    for word in words:
        count, size_bytes = map(int, word.split("x"))
        for start in range(0, count, _BATCH):
            yield [size_bytes] * min(_BATCH, count - start)


def _fill(path: Path, size_bytes: int) -> str:
    seed, hasher = random.Random(path.name), hashlib.sha256()
    with path.open("wb") as stream:
        for start in range(0, size_bytes, _PIECE_BYTES):
            piece = seed.randbytes(min(_PIECE_BYTES, size_bytes - start))
            hasher.update(piece)
            stream.write(piece)
    return hasher.hexdigest()


if __name__ == "__main__":
    main()
