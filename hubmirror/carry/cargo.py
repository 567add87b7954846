"""What a bundle brings, and what it relies on: decided from values, before anything is written.

Knows nothing of parts. Invariant: what is carried and what is required together are all that the
publication needs, and no blob is both.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from hubmirror.carry.format import Amount, Base
from hubmirror.publications import Publication
from hubmirror.records import BlobRef, Digest


@dataclass(frozen=True, slots=True)
class Cargo:
    """One publication on its way.

    Attributes:
        publication: What it says.
        content: Its bytes, of which its name is the digest.
        base: How it is known what the far side has.
        carried: What the bundle brings: the publication's own blobs, then the others by digest.
        required: What must be there already, by digest.
        label: What the names of the bundle's files begin with; empty for the usual.
    """

    publication: Publication
    content: bytes
    base: Base
    carried: tuple[BlobRef, ...]
    required: tuple[BlobRef, ...]
    label: str = ""

    @property
    def digest(self) -> Digest:
        """The name of the publication."""
        return Digest.of(self.content)


def pack(
    content: bytes,
    needed: Set[BlobRef],
    *,
    held: Set[Digest],
    base: Base,
    label: str = "",
) -> Cargo:
    """Say what of a publication's blobs must be carried to a place that holds some of them.

    Args:
        content: The publication.
        needed: All blobs that it needs.
        held: What is known to be there, and perhaps more.
        base: How that is known.
        label: What the names of the bundle's files begin with; empty for the usual.
    """
    publication = Publication.decode(content, where="the publication")
    own = publication.own_blobs()
    missing = [blob for blob in needed if blob.digest not in held]
    first = _ordered(blob for blob in missing if blob in own)
    others = _ordered(blob for blob in missing if blob not in own)
    required = _ordered(blob for blob in needed if blob.digest in held)
    return Cargo(publication, content, base, (*first, *others), required, label)


def amount(blobs: Iterable[BlobRef]) -> Amount:
    """Count blobs and add up their sizes."""
    sizes = [blob.size_bytes for blob in blobs]
    return Amount(len(sizes), sum(sizes))


def _ordered(blobs: Iterable[BlobRef]) -> tuple[BlobRef, ...]:
    # By the text: of 100,000, comparing records would take seconds.
    return tuple(sorted(blobs, key=lambda blob: blob.digest.hex))
