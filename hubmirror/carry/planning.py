"""Which bytes go into which part: pure, and the same for the same cargo and size of part.

The rule: blobs follow each other in the order of the cargo. One that does not fit into what is
left of a part is cut where more than a sixteenth of a part would stay empty, and otherwise begins
the next part. So no part but the last leaves more than that of a medium unused, and few blobs are
in two parts. Invariant: every byte of every blob is in one part, and no part is larger than asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hubmirror.carry import tar
from hubmirror.carry.cargo import Cargo, amount
from hubmirror.carry.format import (
    MEMBERS_MOST_BYTES,
    ROOT_MOST_BYTES,
    PartEntry,
    Root,
    canonical,
)
from hubmirror.carry.members import Member, MemberList, encode_required
from hubmirror.errors import InvalidInputError
from hubmirror.records import BlobRef, Digest

_WORTH_A_CUT = 16  # the share of a part that may stay empty
_TRIES = 8  # it settles in two or three, unless the size is next to too small
_ANY = Digest("0" * 64)  # every digest is as long as every other
# What a list says of a member, without the digits of its numbers.
_WHOLE_ENTRY_BYTES = len(canonical(Member.whole(BlobRef(_ANY, 0)).fields())) - 2
_SEGMENT_ENTRY_BYTES = len(canonical(Member(BlobRef(_ANY, 2), 0, 1, _ANY).fields())) - 4
_EMPTY_LIST_BYTES = len(MemberList(0, ()).encode()) - 1  # of no number


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a blob that lie in one part: all of them, or a segment."""

    blob: BlobRef
    offset: int
    length: int

    @property
    def is_whole(self) -> bool:
        """Whether these are all of the blob's bytes."""
        return self.length == self.blob.size_bytes


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One part: its spans in their order, and how large its file will be, unsigned."""

    number: int
    spans: tuple[Span, ...]
    size_bytes: int


def plan_parts(
    cargo: Cargo, *, part_bytes: int, reserved_bytes: int = 0
) -> tuple[PlannedPart, ...]:
    """Lay a cargo out in parts of at most this size.

    Args:
        cargo: What is carried.
        part_bytes: What a part's file may be at most.
        reserved_bytes: What of it a signature needs.

    Raises:
        InvalidInputError: when the size leaves no room for blobs; names the least that would do.
    """
    parts = _lay_out(cargo, part_bytes - reserved_bytes)
    if parts is None:
        least = _least(cargo, part_bytes) + reserved_bytes
        raise InvalidInputError(
            f"parts of {part_bytes:,} bytes are too small for this bundle: what each part says of "
            f"all the others leaves no room; the least size is {least:,} bytes",
            hint=f"--part-size {-(-least // 1000)}kB, or more",
        )
    return parts


def root_of(cargo: Cargo, entries: Sequence[PartEntry]) -> Root:
    """Return the root of a bundle with these parts."""
    required = encode_required(cargo.required)
    return Root(
        origin=cargo.publication.origin,
        sequence=cargo.publication.sequence,
        publication=cargo.digest,
        base=cargo.base,
        required=amount(cargo.required),
        required_digest=Digest.of(required),
        carried=amount(cargo.carried),
        parts=tuple(entries),
        label=cargo.label,
    )


def _lay_out(cargo: Cargo, limit: int) -> tuple[PlannedPart, ...] | None:
    """Fill parts; None where the size is too small.

    What each part says of all others grows with their number, which is only known afterwards:
    so it is guessed, and guessed again.
    """
    sizes = _Sizes.of(cargo)
    count = max(1, sum(blob.size_bytes for blob in cargo.carried) // max(limit, 1))
    for _ in range(_TRIES):
        if sizes.root(count * 2 * len(str(limit)), count) > min(limit, ROOT_MOST_BYTES):
            return None
        fillings = _pour(cargo, limit, sizes, sizes.head(count, limit))
        if fillings is None:
            return None
        if len(fillings) <= count:
            return _sized(fillings, sizes)
        count = len(fillings)
    return None


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What in the parts does not depend on how they are filled."""

    root_bytes: int  # without its parts
    entry_bytes: int  # what it says of each, without the digits of sizes
    publication_bytes: int
    required_bytes: int

    @classmethod
    def of(cls, cargo: Cargo) -> _Sizes:
        entry = PartEntry(_ANY, 0, 0)
        none, one, two = (len(root_of(cargo, (entry,) * count).encode()) for count in range(3))
        return cls(
            root_bytes=none - 1,  # one comma fewer than there are parts
            entry_bytes=two - one - 2,
            publication_bytes=tar.whole_size(len(cargo.content)),
            required_bytes=tar.whole_size(40 * len(cargo.required)),
        )

    def root(self, digits: int, count: int) -> int:
        """What the root takes in the tar, with so many parts and digits in all."""
        return tar.whole_size(self.root_bytes + count * self.entry_bytes + digits)

    def head(self, count: int, limit: int) -> int:
        """What goes before every list of members, at most."""
        return self.root(count * 2 * len(str(limit)), count) + self.publication_bytes


@dataclass(slots=True)
class _Filling:
    """A part that is being filled."""

    number: int
    fixed_bytes: int
    limit: int
    spans: list[Span] = field(default_factory=list)
    list_bytes: int = 0
    span_bytes: int = 0

    def __post_init__(self) -> None:
        self.list_bytes = _EMPTY_LIST_BYTES + len(str(self.number))

    def list_with(self, entry_bytes: int) -> int:
        """How large the list would be with one more member."""
        return self.list_bytes + entry_bytes + (1 if self.spans else 0)

    def size_with(self, entry_bytes: int, length_in_tar: int) -> int:
        """How large the part would be with one more member."""
        listed = tar.whole_size(self.list_with(entry_bytes))
        return self.fixed_bytes + listed + self.span_bytes + length_in_tar

    def fits(self, span: Span) -> bool:
        entry_bytes = _entry_bytes(span)
        return (
            self.list_with(entry_bytes) <= MEMBERS_MOST_BYTES
            and self.size_with(entry_bytes, tar.whole_size(span.length)) <= self.limit
        )

    def room(self, span: Span) -> int:
        """How much of a span that does not fit would."""
        if self.list_with(_segment_entry_bytes(span)) > MEMBERS_MOST_BYTES:
            return 0
        left = self.limit - self.size_with(_segment_entry_bytes(span), 0)
        length = (left - tar.BLOCK_BYTES) // tar.BLOCK_BYTES * tar.BLOCK_BYTES
        while tar.whole_size(length) > left:
            length -= tar.BLOCK_BYTES
        return min(length, span.length - 1)

    def add(self, span: Span) -> None:
        self.list_bytes = self.list_with(_entry_bytes(span))
        self.span_bytes += tar.whole_size(span.length)
        self.spans.append(span)


def _pour(cargo: Cargo, limit: int, sizes: _Sizes, head: int) -> list[_Filling] | None:
    fixed = head + len(tar.END)
    filling = _Filling(1, fixed + sizes.required_bytes, limit)
    if filling.size_with(0, 0) > limit:
        return None
    filled = [filling]
    for blob in cargo.carried:
        rest = Span(blob, 0, blob.size_bytes)
        while not filling.fits(rest):
            length = filling.room(rest)
            is_fresh = filling.number > 1 and not filling.spans
            if length > limit // _WORTH_A_CUT or (is_fresh and length > 0):
                filling.add(Span(blob, rest.offset, length))
                rest = Span(blob, rest.offset + length, rest.length - length)
            elif is_fresh:
                return None
            filling = _Filling(filling.number + 1, fixed, limit)
            filled.append(filling)
        filling.add(rest)
    return filled


def _sized(fillings: Sequence[_Filling], sizes: _Sizes) -> tuple[PlannedPart, ...]:
    """Give each part its size, which is in the root, whose own size is in each part."""
    others = [
        len(tar.END)
        + sizes.publication_bytes
        + (sizes.required_bytes if filling.number == 1 else 0)
        + tar.whole_size(filling.list_bytes)
        + filling.span_bytes
        for filling in fillings
    ]
    list_digits = sum(len(str(filling.list_bytes)) for filling in fillings)
    root, before = 0, -1
    while root != before:
        digits = list_digits + sum(len(str(other + root)) for other in others)
        root, before = sizes.root(digits, len(fillings)), root
    return tuple(
        PlannedPart(filling.number, tuple(filling.spans), other + root)
        for filling, other in zip(fillings, others, strict=True)
    )


def _entry_bytes(span: Span) -> int:
    if span.is_whole:
        return _WHOLE_ENTRY_BYTES + len(str(span.length))
    return _segment_entry_bytes(span)


def _segment_entry_bytes(span: Span) -> int:
    """What a list says of a span, or of the beginning of it, at most."""
    numbers = (span.offset, span.length, span.blob.size_bytes)
    return _SEGMENT_ENTRY_BYTES + sum(len(str(number)) for number in numbers)


def _least(cargo: Cargo, too_small: int) -> int:
    """Return the least size, in whole blocks, in which a cargo can be laid out."""
    bad = max(too_small // tar.BLOCK_BYTES, 1)
    good = 2 * bad
    while _lay_out(cargo, good * tar.BLOCK_BYTES) is None:
        bad, good = good, 2 * good
    while good - bad > 1:
        middle = (bad + good) // 2
        if _lay_out(cargo, middle * tar.BLOCK_BYTES) is None:
            bad = middle
        else:
            good = middle
    return good * tar.BLOCK_BYTES
