"""What was carried away: a record of each bundle, until somebody says that it arrived.

Owns: ``STATE/exports/``. Knows nothing of parts and receipts. Below all use cases, since export
writes here, ``bundles`` answers, and prune keeps what may have to be carried again.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from hubmirror import files
from hubmirror.errors import InvalidInputError, VerificationError
from hubmirror.layout import StateLayout
from hubmirror.records import Digest


class ExportState(StrEnum):
    """What became of a bundle, as far as this side knows."""

    CARRIED = "carried"
    ACKNOWLEDGED = "acknowledged"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Export:
    """A bundle that was made here.

    Attributes:
        bundle: Its id.
        name: What the names of its parts begin with.
        publication: The publication of this mirror that it was made from.
        view: The publication that it carries, where that is another one: some repos only.
        origin: The origin of what it carries.
        sequence: The sequence of what it carries.
        base: How it was known what the far side has, such as ``have``.
        destination: The id of the far mirror, or empty where nobody said it.
        parts: How many files.
        blobs: How many blobs.
        size_bytes: The sum of their sizes.
        created_at: UTC, ISO 8601.
        state: What became of it.
        answered_at: When that was said; empty as long as it is carried.
        arrived_in: The id of the mirror that acknowledged it, or empty.
    """

    bundle: Digest
    name: str
    publication: Digest
    view: Digest | None
    origin: str
    sequence: int
    base: str
    destination: str
    parts: int
    blobs: int
    size_bytes: int
    created_at: str
    state: ExportState = ExportState.CARRIED
    answered_at: str = ""
    arrived_in: str = ""

    @property
    def carries(self) -> Digest:
        """The publication that its far side reads."""
        return self.view or self.publication

    def age_s(self, now: datetime) -> int:
        """Return how long ago it was made."""
        return int((now - datetime.fromisoformat(self.created_at)).total_seconds())

    def answered(self, state: ExportState, now: datetime, *, arrived_in: str = "") -> Export:
        """Return this record with what became of the bundle."""
        at = now.astimezone(UTC).isoformat(timespec="seconds")
        return dataclasses.replace(self, state=state, answered_at=at, arrived_in=arrived_in)

    def encode(self) -> bytes:
        """Return the bytes of the record."""
        fields = dataclasses.asdict(self) | {
            "bundle": self.bundle.hex,
            "publication": self.publication.hex,
            "view": self.view.hex if self.view else None,
        }
        return json.dumps(fields, sort_keys=True, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, content: bytes, *, where: str) -> Export:
        """Read a record; what a newer hubmirror added to it is passed over.

        Raises:
            VerificationError: when it is none.
        """
        try:
            fields = json.loads(content)
            datetime.fromisoformat(fields["created_at"])
            plain: dict[str, Any] = {name: str(fields[name]) for name in _TEXTS}
            plain |= {name: int(fields[name]) for name in _NUMBERS}
            return cls(
                bundle=Digest.parse(fields["bundle"]),
                publication=Digest.parse(fields["publication"]),
                view=Digest.parse(fields["view"]) if fields["view"] else None,
                state=ExportState(fields["state"]),
                **plain,
            )
        except (ValueError, LookupError, TypeError, AttributeError, InvalidInputError) as error:
            raise VerificationError(
                f"{where}: not the record of an export: {error}",
                hint="remove it, if that bundle has arrived or is lost",
            ) from error


_TEXTS = ("name", "origin", "base", "destination", "created_at", "answered_at", "arrived_in")
_NUMBERS = ("sequence", "parts", "blobs", "size_bytes")


def record(state: StateLayout, export: Export) -> None:
    """Remember a bundle, or what became of it."""
    folder = state.exports
    files.ensure_folder(folder, 0o700)
    path = folder / f"{export.bundle}.json"
    files.write(export.encode(), path, staging=state.root, modes=files.Modes(file=0o600))


def is_recorded(state: StateLayout, bundle: Digest) -> bool:
    """Tell whether a bundle was made here before."""
    return (state.exports / f"{bundle}.json").exists()


def recorded(state: StateLayout) -> tuple[Export, ...]:
    """Return every bundle that was made here, the oldest first.

    Raises:
        VerificationError: naming a record that cannot be understood.
    """
    found = [_read(path) for path in state.exports.glob("*.json")]
    return tuple(sorted(found, key=lambda one: (one.created_at, one.bundle)))


def unacknowledged(state: StateLayout, *, now: datetime, grace_s: float) -> tuple[Export, ...]:
    """Return the bundles that may have to be carried again: prune keeps what they hold.

    Args:
        state: Where the records are.
        now: The time.
        grace_s: After how many seconds a bundle of which nobody heard is given up.
    """
    return tuple(
        one
        for one in recorded(state)
        if one.state is ExportState.CARRIED and one.age_s(now) <= grace_s
    )


def _read(path: Path) -> Export:
    return Export.decode(path.read_bytes(), where=str(path))
