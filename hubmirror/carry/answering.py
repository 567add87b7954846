"""What is said of a bundle after it was carried: by the far side, and by this side of it.

The far side takes a receipt of its own mirror; this side matches it with what was exported.
Invariant: an export counts as acknowledged only where a mirror said that it has all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from hubmirror import exports
from hubmirror.carry.receipts import Receipt, Tally, VerifiedBy
from hubmirror.errors import NotFoundError, RefusedError, VerificationError
from hubmirror.exports import Export, ExportState
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest

_FIRST_FEW = 4  # a receipt may have to be typed
_LEAST_DIGITS = 4


def take_receipt(
    mirror: Mirror, *, now: datetime, is_full: bool = False, is_hashed: bool = False, jobs: int = 4
) -> Receipt:
    """Verify what readers see, and say so.

    Args:
        mirror: The mirror.
        now: The time.
        is_full: Whether to list every missing and every extra blob.
        is_hashed: Whether to hash each blob; else it must be there with its size.
        jobs: How many blobs are hashed at once.

    Raises:
        NotFoundError: when nothing is published here.
        VerificationError: when the publication itself cannot be believed.
    """
    digest, publication = mirror.current()
    needed = mirror.closure(digest)
    present = mirror.blobs.sizes()
    sound = [blob for blob in needed if present.get(blob.digest.raw) == blob.size_bytes]
    if is_hashed:
        sound = _sound(mirror, sound, jobs)
    named = {blob.digest for blob in needed}
    extra = present.keys() - {digest.raw for digest in named}
    missing = named.difference(blob.digest for blob in sound)
    return Receipt(
        mirror=mirror.id,
        origin=publication.origin,
        sequence=publication.sequence,
        publication=digest,
        verified_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        verified_by=VerifiedBy.SHA256 if is_hashed else VerifiedBy.SIZE,
        blobs=len(needed),
        size_bytes=sum(blob.size_bytes for blob in needed),
        missing=Tally.of(missing, most=None if is_full else _FIRST_FEW),
        extra=Tally.of((Digest(raw.hex()) for raw in extra), most=None if is_full else 0),
    )


def _sound(mirror: Mirror, blobs: Sequence[BlobRef], jobs: int) -> list[BlobRef]:
    def is_sound(blob: BlobRef) -> bool:
        try:
            mirror.blobs.check(blob, full=True)
        except (VerificationError, OSError):
            return False
        return True

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return [blob for blob, good in zip(blobs, pool.map(is_sound, blobs), strict=True) if good]


def acknowledge(state: StateLayout, receipt: Receipt, *, now: datetime) -> Sequence[Export]:
    """Mark the exports that a receipt answers; one that was answered before stays so.

    Raises:
        NotFoundError: when nothing that was exported here fits the receipt.
        VerificationError: when the far side misses something.
    """
    found = [one for one in exports.recorded(state) if one.carries == receipt.publication]
    if not found:
        raise NotFoundError(
            f"no export of publication {receipt.publication.hex[:12]} (sequence "
            f"{receipt.sequence} of origin {receipt.origin}) is recorded here",
            hint="`hubmirror bundles` lists what is; was it made on another host, or with "
            "another --state?",
        )
    fits = [one for one in found if one.destination in ("", receipt.mirror)]
    if not fits:
        made_for = ", ".join(sorted({one.destination for one in found}))
        raise NotFoundError(
            f"the receipt is of mirror {receipt.mirror}; what was exported of its publication "
            f"was made for {made_for}"
        )
    if receipt.missing.count:
        raise VerificationError(
            f"mirror {receipt.mirror} misses {receipt.missing.count} of {receipt.blobs} blobs of "
            f"publication {receipt.publication.hex[:12]}",
            hint="carry them: run `hubmirror have` there, then `hubmirror export --have` here",
        )
    return [_answer(state, one, receipt, now) for one in fits]


def _answer(state: StateLayout, export: Export, receipt: Receipt, now: datetime) -> Export:
    if export.state is ExportState.ACKNOWLEDGED:
        return export
    answered = export.answered(ExportState.ACKNOWLEDGED, now, arrived_in=receipt.mirror)
    exports.record(state, answered)
    return answered


def give_up(state: StateLayout, bundle: str, *, now: datetime) -> Export:
    """Mark a bundle as lost: nothing is kept for it any longer.

    Args:
        state: Where the records are.
        bundle: Its name, as its parts have it, or the first digits of its id.
        now: The time.

    Raises:
        NotFoundError: when no bundle, or more than one, is called so.
        RefusedError: when it has arrived.
    """
    found = list(_called(bundle, exports.recorded(state)))
    if len(found) != 1:
        raise NotFoundError(
            f"{len(found)} bundles are called {bundle!r}", hint="`hubmirror bundles` lists them"
        )
    (export,) = found
    if export.state is ExportState.ACKNOWLEDGED:
        raise RefusedError(
            f"{export.name}: not lost: mirror {export.arrived_in} acknowledged it at "
            f"{export.answered_at}"
        )
    lost = export.answered(ExportState.LOST, now)
    exports.record(state, lost)
    return lost


def _called(text: str, recorded: Iterable[Export]) -> Iterable[Export]:
    name = text.lower().partition(".")[0]  # of a part, too
    for one in recorded:
        if one.name == name or (len(name) >= _LEAST_DIGITS and one.bundle.hex.startswith(name)):
            yield one
