"""The digests of segments, which a part's list must say before its bytes are written.

The blobs that are cut are read once more for it, twice at a time: for what each of its segments
is, and for whether all of it is what its name says.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from hubmirror.carry.planning import PlannedPart, Span
from hubmirror.copying import Mismatch, Piece
from hubmirror.records import BlobRef, Digest
from hubmirror.transfer import MirrorSource

_READ_BYTES = 256 * 1024


def segments_of(parts: Iterable[PlannedPart]) -> tuple[Span, ...]:
    """Return the segments in these parts, in order."""
    return tuple(span for part in parts for span in part.spans if not span.is_whole)


def hash_segments(
    source: MirrorSource, segments: Iterable[Span], watch: Callable[[int], None]
) -> Mapping[Span, Digest]:
    """Return the digest of each segment.

    Args:
        source: Where the blobs lie.
        segments: All segments of each blob that is cut.
        watch: Called with the number of bytes, each time that some were read.

    Raises:
        VerificationError: naming a blob that is missing, or whose bytes are not its digest.
    """
    by_blob: dict[BlobRef, list[Span]] = {}
    for span in segments:
        by_blob.setdefault(span.blob, []).append(span)
    found: dict[Span, Digest] = {}
    with ThreadPoolExecutor(max_workers=1) as pool:
        for blob, spans in by_blob.items():
            with source.opened(blob) as piece:
                whole = pool.submit(_hash, piece, 0, blob.size_bytes, watch)
                for span in spans:
                    found[span] = _hash(piece, span.offset, span.length, lambda _: None)
                if (got := whole.result()) != blob.digest:
                    raise Mismatch(piece, got).error()
    return found


def _hash(piece: Piece, offset: int, length: int, watch: Callable[[int], None]) -> Digest:
    summary = hashlib.sha256()
    buffer = memoryview(bytearray(_READ_BYTES))
    end = offset + length
    while offset < end:
        most = min(_READ_BYTES, end - offset)
        got = os.preadv(piece.descriptor, [buffer[:most]], offset)
        if not got:
            break  # it became shorter: its digest will not be what it must be
        summary.update(buffer[:got])
        watch(got)
        offset += got
    return Digest(summary.hexdigest())
