"""What an import would take in: the same questions as a `Reception`, and nothing is written.

Invariant: makes no file and takes no lock, so that a medium can be checked beside any work, by
anybody who may read the mirror, or before there is a mirror.
"""

from __future__ import annotations

from hubmirror.carry.format import Amount, Root
from hubmirror.carry.members import Member
from hubmirror.carry.reading import Head, PartFile
from hubmirror.carry.receiving import Advance, Reception, Taken
from hubmirror.carry.walking import fault_of_bytes, sound_members
from hubmirror.files import Modes
from hubmirror.mirror import Mirror


class Inspection:
    """What would arrive of one bundle; ``mirror`` is None where there is none yet."""

    def __init__(self, mirror: Mirror | None, root: Root) -> None:
        self._there = Reception(mirror, root, Modes()) if mirror else None
        self._carried: dict[int, Amount] = {}
        self._required: bytes | None = None

    def begin(self, head: Head) -> None:
        """Remember what part 1 says must be there."""
        if head.required is not None:
            self._required = head.required

    def required(self) -> bytes | None:
        """Return what must be there already, or None where part 1 was never seen."""
        if self._required is None and self._there:
            return self._there.required()
        return self._required

    def arrived(self) -> frozenset[int]:
        """Return the numbers of the parts that are here, or would be."""
        return frozenset(self.carried())

    def carried(self) -> dict[int, Amount]:
        """Return what each of these parts carries, by its own list."""
        return (self._there.carried() if self._there else {}) | self._carried

    def start_again(self) -> None:
        """Ask for every part again."""
        self._carried.clear()

    def has(self, member: Member) -> bool:
        """Tell whether a blob, or this segment of it, is here."""
        return self._there is not None and self._there.has(member)

    def take(self, part: PartFile, head: Head, advance: Advance) -> Taken:
        """Read a part fully, as an import would."""
        faults: list[str] = []
        count = size = 0
        for placed in sound_members(part, head, faults):
            if fault := fault_of_bytes(part, placed):
                faults.append(fault)
            elif not self.has(placed.member):
                count, size = count + 1, size + placed.member.length
            advance(placed.size_bytes)
        if not faults:
            self._carried[head.listed.number] = head.listed.carried()
        return Taken(count, size, tuple(faults))
