"""What is known before a trace begins: the manifest, its lock, and what the mirror holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror.index import Index, SnapshotName
from hubmirror.manifest.addresses import name_repo
from hubmirror.manifest.lock import Lock, LockedCheckpoint, lock_path, read_lock
from hubmirror.manifest.reading import read_manifest
from hubmirror.records import CheckpointRow, RepoKey, SnapshotRow
from hubmirror.specs import CheckpointSpec, Manifest, RepoSpec


@dataclass(frozen=True, slots=True)
class Declared:
    """A manifest and its lock, or nothing of either."""

    manifest: Manifest
    lock: Lock | None = None

    @classmethod
    def read(cls, path: Path | None, lock_dir: Path | None) -> Declared:
        """Read a manifest with its lock; a file that is not there yet declares nothing.

        Raises:
            InvalidInputError: for faults in either.
        """
        if path is None or not path.exists():
            return cls(Manifest("trace", ""))
        return cls(read_manifest(path), read_lock(lock_path(path, lock_dir)))

    def repo(self, name: str) -> RepoSpec:
        """Return a repo as the manifest has it, by any of its names; else as it would.

        Raises:
            InvalidInputError: when it is the name of no repo.
        """
        key = RepoKey.parse(name)
        if spec := self.entry(key):
            return spec
        title, url = name_repo(name, "")
        return RepoSpec(title, key, url)

    def entry(self, key: RepoKey) -> RepoSpec | None:
        """Return the manifest's own entry for a repo, by any of its names."""
        return next((spec for spec in self.manifest.repos if key in spec.names()), None)

    @property
    def urls(self) -> frozenset[str]:
        """The URLs of all checkpoints that the manifest wants."""
        return frozenset(one.url for one in self.manifest.all_checkpoints())

    def checkpoint(self, url: str) -> CheckpointSpec:
        """Return what the manifest says of a URL, or would."""
        specs = (one for one in self.manifest.all_checkpoints() if one.url == url)
        return next(specs, CheckpointSpec(url))

    def locked(self, url: str) -> LockedCheckpoint | None:
        """Return which bytes the lock demands of a URL."""
        return self.lock.checkpoint(url) if self.lock else None


@dataclass(frozen=True, slots=True)
class Held:
    """What need not be fetched if its bytes are there."""

    checkpoints: Mapping[str, CheckpointRow] = field(default_factory=dict)
    snapshots: Mapping[SnapshotName, SnapshotRow] = field(default_factory=dict)

    @classmethod
    def read(cls, index: Index) -> Held:
        """Read what the index says: what is published, and what has come in since."""
        units = index.holdings().units
        checkpoints = {row.url: row for unit in units for row in unit.checkpoints}
        for url, one in index.arrivals().items():
            checkpoints[url] = CheckpointRow(url, one.digest, one.size_bytes, one.redirect)
        return cls(checkpoints, index.made())
