"""A machine across the gap, and what the tests carry to it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror.carry.importing import ImportOptions, import_bundles
from hubmirror.carry.outcome import ImportReport
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from hubmirror.settings import Settings

LARGE = 700_000


def content(name: str, size: int) -> bytes:
    """Return bytes that are the same in every run."""
    return random.Random(name).randbytes(size)


CONTENTS = {
    f"https://h.example/{size}.pth": content(str(size), size) for size in (7, 3_000, 200_000, LARGE)
}


@dataclass
class FarSide:
    """A machine across the gap: its mirror, its state, and what an import said."""

    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "mirror"

    @property
    def settings(self) -> Settings:
        return Settings.load(mirror=str(self.root), state=str(self.folder / "state"))

    def take(self, *parts: Path, allow_rollback: bool = False, check: bool = False) -> ImportReport:
        options = ImportOptions(allow_rollback=allow_rollback, check=check, notify=self.said.append)
        return import_bundles(parts, self.settings, options)

    def mirror(self) -> Mirror:
        return Mirror.open(self.root)

    def current(self) -> Digest | None:
        return self.mirror().publications.current()

    def leftovers(self) -> list[str]:
        return list(self.mirror().leftovers())
