"""What a far side has: the file that goes to the connected side, so that a bundle is small.

Owns: the document that ``hubmirror have`` prints. Knows nothing of bundles.
Invariant: a digest in it entered that mirror verified, and lies there with the size that every
kept publication which names it gives; bytes that are known to be bad are never in it.
"""

from __future__ import annotations

import base64
import itertools
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
    promised = _promised(mirror)
    bad = {digest.raw for digest in known_bad}
    digests = frozenset(
        Digest(raw.hex())
        for raw, size_bytes in mirror.blobs.sizes().items()
        if promised.get(raw, size_bytes) == size_bytes and raw not in bad
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


def _promised(mirror: Mirror) -> dict[bytes, int]:
    """Return the size of every blob that is named; of what was read and is bad, no such size."""
    promised: dict[bytes, int] = {}
    for digest, publication in mirror.publications.sound():
        own = publication.own_blobs()
        promised.update((blob.digest.raw, blob.size_bytes) for blob in own)
        try:
            promised.update(mirror.catalog(digest).sizes())
            suspect = own - {publication.catalog}  # which was hashed before it was opened
        except VerificationError:  # that of what serves is told below
            suspect = own
        promised.update(
            (blob.digest.raw, _NO_SIZE) for blob in suspect if not _is_sound(mirror, blob)
        )
    return promised


def _is_sound(mirror: Mirror, blob: BlobRef) -> bool:
    try:
        mirror.blobs.check(blob, full=True)
    except (HubmirrorError, OSError):
        return False
    return True


def _digests(text: str) -> frozenset[Digest]:
    raw = base64.b64decode(text, validate=True)
    names = [raw[at : at + _DIGEST_BYTES].hex() for at in range(0, len(raw), _DIGEST_BYTES)]
    is_ordered = all(one < other for one, other in itertools.pairwise(names))
    if len(raw) % _DIGEST_BYTES or not is_ordered:
        raise ValueError("its digests are not whole, or not in order")
    return frozenset(map(Digest, names))
