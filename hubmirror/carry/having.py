"""What a far side has: the file that goes to the connected side, so that a bundle is small.

Owns: the document that ``hubmirror have`` prints. Knows nothing of bundles.
Invariant: a digest in it entered that mirror verified, and lies there with the size that every
kept publication which names it gives; bytes that are known to be bad are never in it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
from dataclasses import dataclass

from hubmirror.errors import HubmirrorError, InvalidInputError, VerificationError
from hubmirror.mirror import Mirror
from hubmirror.publications import check_min_reader
from hubmirror.records import BlobRef, Digest
from hubmirror.version import FORMAT

_log = logging.getLogger(__name__)
_DIGEST_BYTES = 32
_NO_SIZE = -1


@dataclass(frozen=True, slots=True)
class Having:
    """What one mirror has.

    Attributes:
        mirror: The id of that mirror.
        publication: The one that its readers are served, or None where there is none.
        origin: The id of the mirror that made this publication, or empty.
        sequence: Its number within the origin, or 0.
        digests: The blobs that are there.
    """

    mirror: str
    publication: Digest | None
    origin: str
    sequence: int
    digests: frozenset[Digest]

    def encode(self) -> str:
        """Return the document: one line of printable ASCII."""
        raw = bytes.fromhex("".join(sorted(digest.hex for digest in self.digests)))
        fields = {
            "format": FORMAT,
            "min_reader": 1,
            "mirror": self.mirror,
            "origin": self.origin or None,
            "publication": self.publication.hex if self.publication else None,
            "sequence": self.sequence,
            "blobs": base64.b64encode(raw).decode(),
        }
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def decode(cls, content: bytes, *, where: str) -> Having:
        """Read such a document.

        Raises:
            FormatError: when it asks for a newer reader.
            VerificationError: when it is none, or not whole.
        """
        try:
            fields = json.loads(content)
            check_min_reader(fields["min_reader"], where)
            publication = fields["publication"]
            return cls(
                mirror=str(fields["mirror"]),
                publication=Digest.parse(publication) if publication else None,
                origin=str(fields["origin"] or ""),
                sequence=int(fields["sequence"]),
                digests=_digests(fields["blobs"]),
            )
        except (ValueError, LookupError, TypeError, AttributeError, InvalidInputError) as error:
            raise VerificationError(
                f"{where}: not what `hubmirror have` prints: {error}",
                hint="print it again on the far side, and carry the whole file",
            ) from error


def take_stock(mirror: Mirror, *, known_bad: frozenset[Digest] = frozenset()) -> Having:
    """Say what a mirror has, from its catalogs and one look at its folders.

    A mirror whose publications are damaged has something too: it is what heals it.

    Args:
        mirror: The mirror.
        known_bad: Blobs whose bytes were not sound when they were read last.
    """
    sizes = _sizes(mirror)
    digests = frozenset(
        blob.digest
        for blob in mirror.blobs.present()
        if sizes.get(blob.digest, blob.size_bytes) == blob.size_bytes
        and blob.digest not in known_bad
    )
    try:
        serving = mirror.find_serving()
    except VerificationError as error:
        _log.warning("%s", error.message)
        serving = None
    return Having(
        mirror=mirror.id,
        publication=serving.digest if serving else None,
        origin=serving.publication.origin if serving else "",
        sequence=serving.publication.sequence if serving else 0,
        digests=digests,
    )


def _sizes(mirror: Mirror) -> dict[Digest, int]:
    """Return the size of every blob that is named; of what was read and is bad, no such size."""
    sizes: dict[Digest, int] = {}
    for digest, publication in mirror.publications.sound():
        bad = [blob for blob in publication.own_blobs() if not _is_sound(mirror, blob)]
        with contextlib.suppress(VerificationError):  # that of what serves is told below
            sizes.update((blob.digest, blob.size_bytes) for blob in mirror.closure(digest))
        sizes.update((blob.digest, _NO_SIZE) for blob in bad)
    return sizes


def _is_sound(mirror: Mirror, blob: BlobRef) -> bool:
    try:
        mirror.blobs.check(blob, full=True)
    except (HubmirrorError, OSError):
        return False
    return True


def _digests(text: str) -> frozenset[Digest]:
    raw = base64.b64decode(text, validate=True)
    names = [raw[at : at + _DIGEST_BYTES].hex() for at in range(0, len(raw), _DIGEST_BYTES)]
    if len(raw) % _DIGEST_BYTES or names != sorted(set(names)):
        raise ValueError("its digests are not whole, or not in order")
    return frozenset(map(Digest, names))
