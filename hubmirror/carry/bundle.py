"""A bundle as it is written: its root, and what stands before the blobs in each part.

Pure. Invariant: the same cargo, laid out in the same parts, is the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubmirror.carry import names, tar
from hubmirror.carry.cargo import Cargo
from hubmirror.carry.format import PartEntry, Root
from hubmirror.carry.members import Member, MemberList, encode_required
from hubmirror.carry.planning import PlannedPart, Span, root_of
from hubmirror.records import Digest


@dataclass(frozen=True, slots=True)
class Bundle:
    """All of a bundle but the bytes of its blobs.

    Attributes:
        cargo: What it brings.
        root: What each of its parts says of all of them.
        lists: The blobs and segments of each part.
        signature: That of the root, or None where nobody signs.
    """

    cargo: Cargo
    root: Root
    lists: tuple[MemberList, ...]
    signature: bytes | None = None

    def part_name(self, number: int) -> str:
        """Return the file name of a part."""
        return names.part_name(self.root.name, number)

    def part_bytes(self, number: int) -> int:
        """Return the size of a part's file."""
        signed = 0 if self.signature is None else tar.whole_size(len(self.signature))
        return self.root.parts[number - 1].size_bytes + signed

    def head(self, number: int) -> dict[str, bytes]:
        """Return the members of a part that come before its blobs, in order."""
        head = {names.ROOT: self.root.encode()}
        if self.signature is not None:
            head[names.SIGNATURE] = self.signature
        head[names.PUBLICATION] = self.cargo.content
        head[names.MEMBERS] = self.lists[number - 1].encode()
        if number == 1:
            head[names.REQUIRED] = encode_required(self.cargo.required)
        return head


def seal(cargo: Cargo, parts: Sequence[PlannedPart], segments: Mapping[Span, Digest]) -> Bundle:
    """Make a bundle of a plan, once the digests of its segments are known."""
    lists = []
    entries = []
    for part in parts:
        members = tuple(_member(span, segments) for span in part.spans)
        lists.append(MemberList(part.number, members))
        encoded = lists[-1].encode()
        entries.append(PartEntry(Digest.of(encoded), len(encoded), part.size_bytes))
    return Bundle(cargo, root_of(cargo, entries), tuple(lists))


def _member(span: Span, segments: Mapping[Span, Digest]) -> Member:
    if span.is_whole:
        return Member.whole(span.blob)
    return Member(span.blob, span.offset, span.length, segments[span])
