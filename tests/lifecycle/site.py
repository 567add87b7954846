"""A mirror with its writer's state, for tests of what becomes of it over the years."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hubmirror import files
from hubmirror.lifecycle.keeping import PrunePlan, Rule
from hubmirror.lifecycle.pruning import prune
from hubmirror.mirror import Mirror
from hubmirror.publish import Published, publish
from hubmirror.records import Digest, Unit, UnitState
from hubmirror.settings import Settings
from hubmirror.verify import verify
from hubmirror.writer import Turn, writing
from tests.samples import checkpoint, holdings, unit

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
TURN = Turn("test")


@dataclass(frozen=True)
class Site:
    """One mirror, its state folder, and what a person does with them."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "mirror"

    @property
    def settings(self) -> Settings:
        return Settings.load(mirror=str(self.root), state=str(self.folder / "state"))

    def options(self) -> list[str]:
        return ["--mirror", str(self.root), "--state", str(self.folder / "state")]

    def put(self, content: bytes) -> Digest:
        """Store a blob that nothing names yet."""
        with writing(self.settings) as desk, files.staged(desk.mirror.incoming) as (stream, path):
            stream.write(content)
            stream.flush()
            desk.mirror.blobs.add(path, Digest.of(content), self.settings.modes)
        return Digest.of(content)

    def publish(self, *contents: str, source: str = "team") -> Published:
        """Publish weights of these contents, at one URL each, in the place of what there was."""
        for content in contents:
            self.put(content.encode())
        rows = tuple(weights(content, source) for content in contents)
        with writing(self.settings) as desk, desk.publishing():
            done = publish(desk.mirror, holdings(*rows), self.settings.modes)
        assert done is not None
        return done

    def open(self) -> Mirror:
        return Mirror.open(self.root)

    def prune(self, *, days: float = 0, **rule: Any) -> PrunePlan:
        """Prune as if it were so many days later."""
        wanted = Rule(**{"publications": 1, "days": 0, **rule})
        return prune(self.settings, wanted, TURN, NOW + days * DAY)

    def kept(self) -> list[Digest]:
        return self.open().publications.kept()

    def has(self, content: str) -> bool:
        return self.open().blobs.path(Digest.of(content.encode())).exists()

    def current(self) -> Digest:
        return self.open().current()[0]

    def audit(self) -> list[dict[str, Any]]:
        text = (self.folder / "state" / "audit.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def check(self) -> None:
        """What readers see is whole, and so is all that is kept."""
        with self.open() as mirror:
            assert mirror.serving().is_current
            assert verify(mirror).faults == ()


def weights(content: str, source: str = "team") -> Unit:
    """Return a unit of one checkpoint."""
    row = checkpoint(f"https://h.example/{content}.pth", content.encode())
    return unit(
        source,
        name=row.url,
        state=UnitState.COMPLETE,
        repo=None,
        checkpoints=(row,),
        wanted=(),
    )
