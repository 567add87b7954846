"""What the far side is known to have already, and from whom that is known.

Four ways: nothing is known; what ``hubmirror have`` printed there; a publication that is assumed
to be there (one-way links); a receipt of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror.carry.format import Base, BaseKind
from hubmirror.carry.having import Having
from hubmirror.carry.receipts import Receipt
from hubmirror.carry.selecting import Consignment, consign
from hubmirror.errors import NotFoundError, RefusedError, VerificationError
from hubmirror.exports import recorded
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.records import Digest

_ASK = "run `hubmirror have` there, and give its output to --have here"


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


def known_by_receipt(
    mirror: Mirror, path: Path, *, repos: Sequence[str], state: StateLayout | None
) -> Known:
    """Take a far side at its word that it has all of an earlier publication, or of a view of it.

    Args:
        mirror: The mirror that it was exported from.
        path: The file with the receipt.
        repos: The globs of the view, empty for all of it.
        state: Where it is recorded which publication a view was made from.

    Raises:
        VerificationError: when the file is no receipt, or something is missing there.
        NotFoundError: when this mirror does not keep that publication.
        RefusedError: when that was another view.
    """
    receipt = Receipt.decode(path.read_bytes(), where=str(path))
    if receipt.missing.count:
        raise VerificationError(
            f"{path}: mirror {receipt.mirror} misses {receipt.missing.count} of "
            f"{receipt.blobs} blobs",
            hint=_ASK,
        )
    made_from = {one.carries: one.publication for one in recorded(state)} if state else {}
    earlier = made_from.get(receipt.publication, receipt.publication)
    try:
        with consign(mirror, earlier, repos) as consignment:
            carried, needed = consignment.digest, consignment.needed
    except NotFoundError as error:
        raise NotFoundError(f"{path}: {error.message}", hint=_ASK) from error
    if carried != receipt.publication:
        raise RefusedError(
            f"{path}: the receipt is of publication {receipt.publication.hex[:12]}; with these "
            f"--repos it would be {carried.hex[:12]}",
            hint=f"give the same --repos as then; else {_ASK}",
        )
    held = frozenset(blob.digest for blob in needed)
    return Known(Base(BaseKind.RECEIPT, carried), held, receipt.mirror)


def known_since(consignment: Consignment) -> Known:
    """Take it that the far side has all of an earlier publication, or of the same view of it."""
    held = frozenset(blob.digest for blob in consignment.needed)
    return Known(Base(BaseKind.SINCE, consignment.digest), held)
