"""Mirrors to carry: real ones, filled without a sync; the same on every machine."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubmirror.files import Modes
from hubmirror.mirror import Mirror
from hubmirror.publish import publish
from hubmirror.records import CheckpointRow, Digest, Holdings, Source, Unit, UnitState

_PIECE_BYTES = 2**20
_BATCH = 4096
_MODES = Modes()


@dataclass(frozen=True, slots=True)
class Files:
    """So many checkpoints of one size."""

    count: int
    size_bytes: int


class Store:
    """A mirror that grows by checkpoints of random bytes."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty one in place of what is there."""
        shutil.rmtree(folder, ignore_errors=True)
        self.mirror = folder / "mirror"
        self.state = folder / "state"
        self._rows: list[CheckpointRow] = []
        self._seed = random.Random("store")

    @property
    def places(self) -> Sequence[str]:
        """The options that name mirror and state."""
        return ("--mirror", str(self.mirror), "--state", str(self.state))

    @property
    def blobs(self) -> Path:
        """The folder of the blobs, which peers carry."""
        return self.mirror / "blobs"

    def grow(self, *kinds: Files) -> None:
        """Take in checkpoints and publish."""
        with Mirror.create(self.mirror, _MODES) as mirror:
            for kind in kinds:
                for start in range(0, kind.count, _BATCH):
                    count = min(_BATCH, kind.count - start)
                    arrived = dict(self._file(mirror, kind.size_bytes) for _ in range(count))
                    mirror.blobs.add_all(arrived, _MODES)
            units = [
                Unit("bench", row.url, UnitState.COMPLETE, "", None, (row,)) for row in self._rows
            ]
            publish(mirror, Holdings((Source("bench", "{}"),), tuple(units)), _MODES)

    def _file(self, mirror: Mirror, size_bytes: int) -> tuple[Digest, Path]:
        url = f"https://weights.example.org/hub/releases/encoder_{len(self._rows)}.pth"
        path = mirror.incoming / str(len(self._rows))
        hasher = hashlib.sha256()
        with path.open("wb") as stream:
            for start in range(0, size_bytes, _PIECE_BYTES):
                piece = self._seed.randbytes(min(_PIECE_BYTES, size_bytes - start))
                hasher.update(piece)
                stream.write(piece)
        digest = Digest(hasher.hexdigest())
        self._rows.append(CheckpointRow(url, digest, size_bytes))
        return digest, path
