"""Places that may have the bytes which a mirror lacks; a digest is all that they are asked by.

Owns: the protocol, and another mirror as one such place. Invariant: nothing gets a name in the
mirror whose sha256 was not checked there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hubmirror import files
from hubmirror.errors import HubmirrorError
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest
from hubmirror.transfer import MirrorSource, MirrorTarget


@dataclass(frozen=True, slots=True)
class Bench:
    """Where blobs are mended: the mirror, under its writer's lock, and the modes of its files."""

    mirror: Mirror
    modes: files.Modes


class Supplier(Protocol):
    """A place that may have some of the bytes; for one thread.

    Attributes:
        name: What it is called in reports.
    """

    name: str

    def publication(self, digest: Digest) -> bytes | None:
        """Return the bytes of a publication, not believed yet; None where it has none."""

    def bring(self, wanted: Collection[BlobRef], bench: Bench) -> Mapping[BlobRef, str]:
        """Put each of these blobs in its place, durably; say of the others why not.

        Raises:
            OSError: when the mirror cannot be written.
        """


class MirrorSupplier:
    """Another mirror, whoever made it: bytes are bytes."""

    def __init__(self, root: Path) -> None:
        self._other = Mirror.open(root)
        self.name = str(root)

    def publication(self, digest: Digest) -> bytes | None:
        """Return the bytes of a publication where this mirror keeps it."""
        try:
            return self._other.publications.read_bytes(digest)
        except (HubmirrorError, OSError):
            return None

    def bring(self, wanted: Collection[BlobRef], bench: Bench) -> Mapping[BlobRef, str]:
        """Copy what this mirror has."""
        source = MirrorSource(self._other.blobs)
        failures: dict[BlobRef, str] = {}
        with MirrorTarget(bench.mirror, bench.modes) as target:
            for blob in sorted(wanted):
                try:
                    with source.opened(blob) as piece:
                        target.take(piece)
                except HubmirrorError as error:
                    failures[blob] = error.message
            for mismatch in target.settle():
                piece = mismatch.piece
                failures[BlobRef(piece.sha256, piece.length)] = mismatch.error().message
        return failures
