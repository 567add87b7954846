"""The parts of one bundle, taken in one after the other, whatever is wrong with some of them.

Owns: what stops a part (its own damage) and what does not (the damage of another). Knows neither
publications nor policies, nor whether a part is written anywhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hubmirror.carry.format import Amount
from hubmirror.carry.members import Member, decode_required
from hubmirror.carry.offers import Offer, Offered, PartFault
from hubmirror.carry.outcome import Lacking
from hubmirror.carry.reading import Head, PartFile
from hubmirror.carry.receiving import Advance, Taken
from hubmirror.errors import VerificationError
from hubmirror.records import BlobRef

_SHOWN = 3


class Intake(Protocol):
    """Where parts go: into a mirror, or nowhere when they are only checked. For one thread."""

    def begin(self, head: Head) -> None:
        """Called with the head of each part before it is taken; may be called again."""

    def has(self, member: Member) -> bool:
        """Tell whether a blob, or this segment of it, is there already."""

    def take(self, part: PartFile, head: Head, advance: Advance) -> Taken:
        """Take what is new and sound; the part has arrived where there are no faults.

        Raises:
            OSError: when the mirror cannot be written.
        """

    def arrived(self) -> frozenset[int]:
        """Return the numbers of the parts of which all is there."""

    def carried(self) -> dict[int, Amount]:
        """Return what each of them carries."""

    def required(self) -> bytes | None:
        """Return the list of what must be there, or None where part 1 never was."""

    def start_again(self) -> None:
        """Forget which parts have arrived; their blobs stay."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of the parts of one bundle.

    Attributes:
        count: How many blobs and segments are new.
        size_bytes: The sum of their sizes.
        faults: Files that are damaged, where no other file brought their part.
    """

    count: int
    size_bytes: int
    faults: tuple[PartFault, ...]


def needed_bytes(offer: Offer, intake: Intake) -> int:
    """Return how much room the parts take that are not there yet."""
    needed: dict[int, int] = {}
    for offered in offer.parts:
        with contextlib.suppress(VerificationError), PartFile(offered.path) as part:
            listed = part.read_head(part.read_root()).listed
            new = (member.length for member in listed.members if not intake.has(member))
            needed[listed.number] = sum(new)
    return sum(needed.values())


def take_parts(
    offer: Offer, intake: Intake, *, notify: Callable[[str], None], advance: Advance
) -> Arrival:
    """Take each part in; one that is there already is passed over, unless it is only checked."""
    faults = list(offer.faults)
    count = size = 0
    for offered in offer.parts:
        try:
            taken = _take(offered, offer, intake, advance)
        except VerificationError as error:
            taken = Taken(faults=(error.message,))
        count, size = count + taken.count, size + taken.size_bytes
        if taken.faults:
            first, *more = taken.faults
            faults.append(PartFault(offered.path, offered.number, first, len(more)))
        else:
            notify(_line(offered, offer, taken))
    arrived = intake.arrived()
    return Arrival(count, size, tuple(one for one in faults if one.number not in arrived))


def _take(offered: Offered, offer: Offer, intake: Intake, advance: Advance) -> Taken:
    with PartFile(offered.path) as part:
        signed = part.read_root()
        if signed.root.bundle != offer.root.bundle:
            raise VerificationError(f"{offered.path}: is another file now: another medium?")
        head = part.read_head(signed)
        intake.begin(head)
        return intake.take(part, head, advance)


def _line(offered: Offered, offer: Offer, taken: Taken) -> str:
    what = f"{taken.count:,} new, {taken.size_bytes:,} bytes" if taken.count else "nothing new"
    return f"part {offered.number} of {len(offer.root.parts)} is whole: {what} ({offered.path})"


def find_lacking(intake: Intake, has: Callable[[BlobRef], bool]) -> Lacking:
    """Say which blobs a bundle relies on and are not there, as far as that is known."""
    required = decode_required(intake.required() or b"", where="requires.bin")
    missing = [blob for blob in required if not has(blob)]
    size = sum(blob.size_bytes for blob in missing)
    return Lacking(len(missing), size, tuple(missing[:_SHOWN]))
