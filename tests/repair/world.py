"""A mirror that was synced and pinned, its state, its upstream, and a copy: to be damaged."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from hubmirror import layout
from hubmirror.lifecycle.marking import pin
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.records import Unit
from hubmirror.repair import Order, RepairReport, repair
from hubmirror.settings import Settings
from hubmirror.verify import Memory, verify
from hubmirror.writer import Turn
from tests.upstream import Upstream, hubs
from tests.writer import Writer, wanted

TURN = Turn("repair")


@dataclass(frozen=True)
class World:
    """One mirror with all that repair may ask."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, upstream: Upstream) -> World:
        """Sync a hub, pin it (that is evidence), and copy the mirror."""
        folder.mkdir()
        writer = Writer(folder)
        hub = hubs.plain_weights(upstream)
        writer.sync(writer.manifest([wanted(hub)]))
        pin(writer.settings, hub.name, "kept", Turn("pin"))
        made = cls(folder)
        with Mirror.open(made.root) as mirror:
            verify(mirror, memory=Memory(made.state / "verified.db"))
        shutil.copytree(made.root, made.far, symlinks=True)
        return made

    def copy(self, folder: Path) -> World:
        return World(shutil.copytree(self.folder, folder, symlinks=True))

    @property
    def root(self) -> Path:
        return self.folder / "mirror"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def far(self) -> Path:
        """A copy of the mirror, which nothing happens to."""
        return self.folder / "far"

    @property
    def settings(self) -> Settings:
        return Settings.load(mirror=str(self.root), state=str(self.state))

    @property
    def current(self) -> Publication:
        with Mirror.open(self.far) as mirror:
            return mirror.current()[1]

    @property
    def unit(self) -> Unit:
        with Mirror.open(self.far) as mirror:
            return mirror.catalog().holdings().units[0]

    def file(self, kind: str) -> Path:
        """Return the file of this kind."""
        row = self.unit.repo.snapshots[0] if self.unit.repo else None
        assert row
        evidence = self.current.evidence
        assert evidence
        blobs = {
            "checkpoint": self.unit.checkpoints[0].digest,
            "snapshot": row.digest,
            "about": row.about,
            "catalog": self.current.catalog.digest,
            "evidence": evidence.digest,
        }
        if kind in blobs:
            return self.root / layout.blob(blobs[kind])
        if kind == "publication":
            with Mirror.open(self.far) as mirror:
                return self.root / layout.publication(mirror.current()[0])
        return next(one for one in (self.root / kind, self.state / kind) if one.exists())

    def repair(self, *sources: str | Path, order: Order | None = None) -> RepairReport:
        return repair(self.settings, order or Order(tuple(map(str, sources))), TURN)


def flip(path: Path) -> None:
    """Change the first byte, into one that begins no text."""
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 0x80]) + content[1:])


def cut(path: Path) -> None:
    """Leave the first half."""
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def delete(path: Path) -> None:
    path.unlink()
