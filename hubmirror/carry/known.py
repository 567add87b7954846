"""What the far side is known to have already, and from whom that is known.

Four ways: nothing is known; what ``hubmirror have`` printed there; a publication that is assumed
to be there (one-way links); a receipt of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hubmirror.carry.format import Base, BaseKind
from hubmirror.carry.having import Having
from hubmirror.carry.selecting import Consignment
from hubmirror.records import Digest


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the far side.

    Attributes:
        base: How it is known, and which publication is there.
        held: The blobs that are there.
        mirror: The id of the far mirror, or empty.
    """

    base: Base = field(default_factory=Base)
    held: frozenset[Digest] = frozenset()
    mirror: str = ""


def known_by_having(path: Path) -> Known:
    """Read what ``hubmirror have`` printed on the far side.

    Raises:
        VerificationError: when the file is not that.
    """
    having = Having.decode(path.read_bytes(), where=str(path))
    return Known(Base(BaseKind.HAVE, having.publication), having.digests, having.mirror)


def known_since(consignment: Consignment) -> Known:
    """Take it that the far side has all of an earlier publication, or of the same view of it."""
    held = frozenset(blob.digest for blob in consignment.needed)
    return Known(Base(BaseKind.SINCE, consignment.digest), held)
