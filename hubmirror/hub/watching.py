"""A mirror's shelf that keeps account of what code asked of it, and of what it did not get."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from hubmirror.errors import NotMirroredError
from hubmirror.evidence import Quarantine
from hubmirror.hub.recording.places import Place, Places
from hubmirror.hub.shelves import Asked, MirrorShelf
from hubmirror.hub.verification import BytesAt
from hubmirror.records import CheckpointRow, Digest
from hubmirror.resolve import Resolved, Spec


@dataclass(frozen=True, slots=True)
class Missed:
    """Something that code asked for in vain, and where it did."""

    error: NotMirroredError
    place: Place


class WatchedShelf:
    """Answers as its mirror does; see ``Shelf``."""

    def __init__(self, inner: MirrorShelf, places: Places) -> None:
        self._inner = inner
        self._places = places
        self._relied: dict[str, Digest] = {}
        self._missed: list[Missed] = []
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return str(self._inner)

    def relied(self) -> dict[str, Digest]:
        """Return what was given out: by URL, and by spec as it was asked for."""
        with self._lock:
            return dict(self._relied)

    def misses(self) -> tuple[Missed, ...]:
        """Return what was asked for in vain, in order, whether or not code went on."""
        with self._lock:
            return tuple(self._missed)

    @property
    def blobs(self) -> BytesAt:
        """The mirror's blobs."""
        return self._inner.blobs

    @property
    def quarantine(self) -> Quarantine:
        """What may not be loaded."""
        return self._inner.quarantine

    @property
    def place(self) -> str:
        """The mirror's folder."""
        return self._inner.place

    @property
    def tag(self) -> str:
        """The publication, in short."""
        return self._inner.tag

    def resolve(self, spec: Spec) -> Resolved:
        """Find the snapshot that a spec means."""
        resolved = self._inner.resolve(spec)
        self._places.add(resolved.repo, resolved.ref)
        with self._lock:
            self._relied[str(spec)] = resolved.snapshot.digest
        return resolved

    def find(self, url: str, asked: Asked) -> CheckpointRow | None:
        """Find the weights that a URL names."""
        row = self._inner.find(url, asked)
        if row:
            with self._lock:
                self._relied[row.url] = row.digest
        return row

    def urls_below(self, prefix: str) -> Sequence[str]:
        """Return all mirrored URLs that begin so."""
        return self._inner.urls_below(prefix)

    def rows_below(self, prefix: str) -> Sequence[CheckpointRow]:
        """Return all mirrored weights whose URL begins so."""
        return self._inner.rows_below(prefix)

    def why_missing(self, url: str) -> tuple[str, Sequence[str]]:
        """Say what keeps a wanted URL from the publication, and which others are near."""
        return self._inner.why_missing(url)

    def refused(self, what: str) -> None:
        """Nothing: it is a miss as well."""

    def missed(self, error: NotMirroredError) -> None:
        """Remember a miss, and whose code it was."""
        place = self._places.here()
        with self._lock:
            self._missed.append(Missed(error, place))
