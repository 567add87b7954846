"""The connected side, for tests: a small mirror whose publications are exported."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror.carry.exporting import Exported, Order, check_present, export, plan_export
from hubmirror.carry.known import Known
from hubmirror.carry.selecting import consign
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest
from tests.hub.small_mirror import publish

KB = 1000
FAT32 = 4_294_966_784


def random_bytes(size: int, seed: int = 0) -> bytes:
    """Return bytes that no compression makes small; the same for the same seed."""
    return random.Random(f"{seed} {size}").randbytes(size)


@dataclass
class Sender:
    """A mirror, its state, and what was said while it exported."""

    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "mirror"

    @property
    def state(self) -> StateLayout:
        return StateLayout(self.folder / "state")

    def publish(self, *sizes: int) -> Digest:
        """Publish checkpoints of these sizes, and nothing else."""
        return publish(
            self.root,
            loose={url(number): random_bytes(size, number) for number, size in enumerate(sizes)},
        )

    def export(
        self,
        to: Path,
        *,
        part_bytes: int = FAT32,
        known: Known | None = None,
        label: str = "",
        repos: Sequence[str] = (),
    ) -> Exported:
        """Export what is published, as the command does."""
        known = known or Known()
        self.state.root.mkdir(exist_ok=True)
        order = Order(to, known, notify=self.said.append)
        with (
            Mirror.open(self.root) as mirror,
            consign(mirror, mirror.current()[0], repos) as consignment,
        ):
            plan = plan_export(consignment, known, part_bytes=part_bytes, label=label)
            check_present(consignment, plan, mirror)
            return export(plan, consignment, mirror, self.state, order)

    def closure(self, publication: Digest) -> frozenset[BlobRef]:
        with Mirror.open(self.root) as mirror:
            return mirror.closure(publication)

    def path(self, blob: BlobRef) -> Path:
        with Mirror.open(self.root) as mirror:
            return mirror.blobs.path(blob.digest)

    def spoil(self, number: int, size: int) -> Path:
        """Change a byte of a checkpoint, as a bad disk would; return where it lies."""
        content = random_bytes(size, number)
        path = self.path(BlobRef(Digest.of(content), size))
        path.chmod(0o600)
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        return path


def url(number: int) -> str:
    return f"https://h.example/{number}.pth"


def unpack(parts: list[Path], into: Path) -> dict[Digest, bytes]:
    """Unpack parts with the system's tar, join segments as ``cat`` would; return the blobs."""
    into.mkdir()
    for part in parts:
        subprocess.run(["tar", "-xf", str(part), "-C", str(into)], check=True)
    found: dict[Digest, bytes] = {}
    for path in sorted((into / "blobs").rglob("*")):
        if path.is_file():
            digest = Digest(path.name[:64])
            found[digest] = found.get(digest, b"") + path.read_bytes()
    return found
