"""A connected host for tests: writes manifests, runs real syncs, reads what was published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubmirror import layout
from hubmirror.catalog import Catalog
from hubmirror.mirror import Mirror
from hubmirror.records import Holdings, Unit
from hubmirror.settings import Settings
from hubmirror.sync import Mode, Options, SyncReport, sync
from tests.upstream.hubs import HubRepo

Entry = Mapping[str, Any]  # a part of a manifest, as YAML has it


def wanted(hub: HubRepo, **fields: object) -> dict[str, object]:
    """Return the manifest entry of a hub repo with all its weights."""
    checkpoints = []
    for weights in hub.weights:
        entry: dict[str, object] = {"url": weights.url}
        if weights.url != weights.served_at:
            entry |= {"sha256": weights.sha256, "urls": [weights.served_at]}
        checkpoints.append(entry)
    return {"repo": hub.name, "url": hub.url, "checkpoints": checkpoints, **fields}


@dataclass
class Writer:
    """One connected host with its folder of manifests, its mirror and its state."""

    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "mirror"

    @property
    def settings(self) -> Settings:
        return Settings.load(mirror=str(self.root), state=str(self.folder / "state"))

    def manifest(
        self,
        repos: Iterable[Entry] = (),
        *,
        checkpoints: Iterable[Entry] = (),
        name: str = "team",
        **settings: object,
    ) -> Path:
        """Write a manifest; it is YAML because all JSON is."""
        path = self.folder / f"{name}.yaml"
        fields: dict[str, object] = {"version": 1}
        fields["repos"] = list(repos)
        if checkpoints := list(checkpoints):
            fields["checkpoints"] = checkpoints
        if settings:
            fields["settings"] = settings
        path.write_text(json.dumps(fields, indent=2))
        return path

    def sync(self, *manifests: Path, mode: Mode = Mode.FOLLOW) -> SyncReport:
        options = Options(mode=mode, notify=self.said.append)
        return sync(manifests, self.settings, options)

    def holdings(self) -> Holdings:
        with Mirror.open(self.root) as mirror:
            return mirror.catalog().holdings()

    def unit(self, name: str, source: str = "team") -> Unit:
        return next(
            unit
            for unit in self.holdings().units
            if unit.source == source and unit.name == name.lower()
        )

    def blobs(self) -> set[str]:
        return {path.name for path in (self.root / "blobs").rglob("*") if path.is_file()}

    def leftovers(self) -> list[Path]:
        return [
            path for path in (self.root / ".incoming").iterdir() if path.name not in layout.LOCKS
        ]

    def catalog(self) -> Catalog:
        with Mirror.open(self.root) as mirror:
            digest = mirror.current()[1].catalog.digest
            return Catalog.open(mirror.blobs.path(digest))
