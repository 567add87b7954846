"""What a part lists: the blobs and segments that it holds, and what a bundle relies on.

Standard library only. Invariant: a list has one way to be written, and no other bytes are read
as one; a member's name follows from its blob, so no name is ever taken from a stranger.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hubmirror.carry.format import Amount, canonical, natural
from hubmirror.carry.names import member_name
from hubmirror.errors import MALFORMED, VerificationError
from hubmirror.records import BlobRef, Digest

_OPENING, _CLOSING = b'{"members":[', b'],"number":'
_ELSE = "a name is not that of its blob, or something is in it that this version does not know"
_RECORD_BYTES = 40


@dataclass(frozen=True, slots=True)
class Member:
    """A blob in a part, or a segment of one that spans several.

    Attributes:
        blob: The whole blob.
        offset: Where in the blob these bytes begin.
        length: How many they are.
        sha256: The digest of these bytes: the blob's own where they are all of it.
    """

    blob: BlobRef
    offset: int
    length: int
    sha256: Digest

    @classmethod
    def whole(cls, blob: BlobRef) -> Member:
        """Return the member that is all of a blob."""
        return cls(blob, 0, blob.size_bytes, blob.digest)

    @property
    def is_whole(self) -> bool:
        """Whether these bytes are all of the blob."""
        return self.length == self.blob.size_bytes

    @property
    def name(self) -> str:
        """The name of the member in the tar."""
        return member_name(self.blob, self.offset, self.length)

    def encode(self) -> bytes:
        """Return the member as the bytes of a list have it."""
        if self.is_whole:  # of 100,000 members, json would take a second
            name, sha256 = self.name, self.sha256.hex
            return f'{{"name":"{name}","sha256":"{sha256}","size_bytes":{self.length}}}'.encode()
        return canonical(self.fields())[:-1]

    def fields(self) -> dict[str, str | int]:
        """Return the member as a list has it."""
        fields: dict[str, str | int] = {
            "name": self.name,
            "sha256": self.sha256.hex,
            "size_bytes": self.length,
        }
        if not self.is_whole:
            fields["blob"] = self.blob.digest.hex
            fields["offset"] = self.offset
            fields["blob_size_bytes"] = self.blob.size_bytes
        return fields


@dataclass(frozen=True, slots=True)
class MemberList:
    """The blobs and segments of one part, in the order in which they follow each other."""

    number: int
    members: tuple[Member, ...]

    def carried(self) -> Amount:
        """Return what is listed; a blob in segments counts where its first one is."""
        sizes = [one.blob.size_bytes for one in self.members if one.offset == 0]
        return Amount(len(sizes), sum(sizes))

    def encode(self) -> bytes:
        """Return the bytes of ``members.json``."""
        members = b",".join(member.encode() for member in self.members)
        return b'{"members":[%b],"number":%d}\n' % (members, self.number)

    @classmethod
    def decode(cls, content: bytes, *, where: str) -> MemberList:
        """Read a list whose bytes were checked against the root.

        Raises:
            VerificationError: when it is no list, names something twice, or is written in
                another way than ``encode``.
        """
        listed, _, end = content.removeprefix(_OPENING).rpartition(_CLOSING)
        try:
            members = tuple(_member(record) for record in _records(listed))
            number = natural(json.loads(end.removesuffix(b"}\n")))
        except MALFORMED as error:
            raise VerificationError(f"{where}: not a list of members: {error}") from error
        if len({(one.blob.digest, one.offset) for one in members}) < len(members):
            raise VerificationError(f"{where}: the list of members names something twice")
        if not content.startswith(_OPENING) or end != b"%d}\n" % number:
            raise VerificationError(f"{where}: not a list of members: {_ELSE}")
        return cls(number, members)


def _records(listed: bytes) -> Iterator[bytes]:
    """Go through the members one by one: 100,000 of them, parsed at once, are 100 MB."""
    start = 0
    while start < len(listed):
        end = listed.find(b"},{", start) + 1 or len(listed)
        yield listed[start:end]
        start = end + 1


def _member(record: bytes) -> Member:
    """Read one member; any other way of writing it is none."""
    fields = json.loads(record)
    sha256, length = Digest.parse(fields["sha256"]), natural(fields["size_bytes"])
    if "blob" in fields:
        blob = BlobRef(Digest.parse(fields["blob"]), natural(fields["blob_size_bytes"]))
        found = Member(blob, natural(fields["offset"]), length, sha256)
        if not 0 < length < blob.size_bytes or found.offset + length > blob.size_bytes:
            message = f"{length} bytes at {found.offset} are no segment of {blob.size_bytes}"
            raise ValueError(message)
    else:
        found = Member.whole(BlobRef(sha256, length))
    if found.encode() != record:
        raise ValueError(_ELSE)
    return found


def encode_required(blobs: Iterable[BlobRef]) -> bytes:
    """Return the bytes of ``requires.bin``: digest and size of each blob, ordered."""
    records = (blob.digest.raw + blob.size_bytes.to_bytes(8) for blob in blobs)
    return b"".join(sorted(records))


def decode_required(content: bytes, *, where: str) -> tuple[BlobRef, ...]:
    """Read the blobs that must be there already.

    Raises:
        VerificationError: when it is no such list, or is not in order.
    """
    starts = range(0, len(content), _RECORD_BYTES)
    records = [content[start : start + _RECORD_BYTES] for start in starts]
    if len(content) % _RECORD_BYTES or not _is_ordered(records):
        raise VerificationError(f"{where}: not a list of required blobs")
    return tuple(
        BlobRef(Digest(record[:32].hex()), int.from_bytes(record[32:])) for record in records
    )


def _is_ordered(records: Sequence[bytes]) -> bool:
    digests = [record[:32] for record in records]
    return all(one < other for one, other in itertools.pairwise(digests))
