"""Which blobs are read this time: decided, not done.

Pure. Every blob is looked for at each depth; what differs is whose bytes are hashed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubmirror.errors import InvalidInputError
from hubmirror.records import BlobRef, Digest

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of a mirror is read: ``part`` of ``whole``, those first that wait for longest."""

    part: int = 1
    whole: int = 1

    @classmethod
    def quick(cls) -> Depth:
        """Return the depth that reads nothing: presence and size must do."""
        return cls(part=0)

    @classmethod
    def sample(cls, text: str) -> Depth:
        """Read ``1/7``: with a run every night, each byte is read once a week.

        Raises:
            InvalidInputError: when it is no such share.
        """
        found = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text, re.ASCII)
        if not found or int(found[1]) > int(found[2]):
            raise InvalidInputError(f"expected a share such as 1/7, got {text!r}")
        return cls(int(found[1]), int(found[2]))


def select(
    blobs: Iterable[BlobRef], depth: Depth, read_at: Mapping[Digest, int] | None, now_s: float
) -> list[BlobRef]:
    """Return the blobs to read, in the order in which they should be read.

    ``read_at`` is when each was last read, in seconds since 1970; None where nobody remembers
    anything: then the day decides which share it is.
    """
    if depth.part == 0:
        return []
    if read_at is None and depth.part < depth.whole:
        return _share_of_today(blobs, depth, int(now_s // _DAY_S))
    ordered = sorted(blobs, key=lambda blob: blob.digest.hex)
    if read_at:
        ordered.sort(key=lambda blob: read_at.get(blob.digest, 0))
    if depth.part == depth.whole:
        return ordered
    size, total = 0, sum(blob.size_bytes for blob in ordered)
    for count, blob in enumerate(ordered):
        if count and size * depth.whole >= total * depth.part:
            return ordered[:count]
        size += blob.size_bytes
    return ordered


def _share_of_today(blobs: Iterable[BlobRef], depth: Depth, day: int) -> list[BlobRef]:
    """Take every n-th blob: others each day, so that n days see all."""
    first = day * depth.part
    today = {(first + step) % depth.whole for step in range(depth.part)}
    found = (blob for blob in blobs if int(blob.digest.hex[:8], 16) % depth.whole in today)
    return sorted(found, key=lambda blob: blob.digest.hex)
