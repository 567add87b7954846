"""The blobs and segments in a part: where each one is, and what is wrong with it.

Owns: the walk through a part whose head is believed. Knows nothing of where bytes go.
Invariant: a member is handed on only where the header before it, and the padding after it, are
just those that belong there; where that is follows from the list and never from the tar.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror.carry import tar
from hubmirror.carry.members import Member
from hubmirror.carry.reading import Head, PartFile
from hubmirror.copying import Mismatch, Piece
from hubmirror.errors import VerificationError
from hubmirror.records import Digest

_STEP_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Placed:
    """A member, and where in the part its header and its bytes begin."""

    member: Member
    header_at: int
    bytes_at: int

    @property
    def size_bytes(self) -> int:
        """What it takes in the part: header, bytes and padding."""
        return tar.whole_size(self.member.length)


def sound_members(part: PartFile, head: Head, faults: list[str]) -> Iterator[Placed]:
    """Go through the members whose frames are sound, in their order; add up what is not.

    What is between the frames is not read. A member that is cut off at the end of the file
    is passed over, the end itself is one more fault.
    """
    size, at = part.size_bytes, head.blobs_at
    for member in head.listed.members:
        whole = tar.whole_size(member.length)
        placed = Placed(member, at, at + whole - member.length - tar.padding(member.length))
        at += whole
        if at > size:
            continue
        if fault := _fault_of_frame(part, placed):
            faults.append(fault)
        else:
            yield placed
    if fault := _fault_of_end(part, at + len(tar.END)):
        faults.append(fault)


def piece_of(part: PartFile, placed: Placed) -> Piece:
    """Return the bytes of a member, to be copied while this is open."""
    member = placed.member
    name = f"{part.path}: {member.name}"
    return Piece(name, part.descriptor, placed.bytes_at, member.length, member.sha256)


def can_be_read(part: PartFile, placed: Placed) -> bool:
    """Tell whether the medium gives all bytes of a member."""
    end = placed.bytes_at + placed.member.length
    try:
        for start in range(placed.bytes_at, end, _STEP_BYTES):
            os.pread(part.descriptor, min(_STEP_BYTES, end - start), start)
    except OSError:
        return False
    return True


def fault_of_bytes(part: PartFile, placed: Placed) -> str:
    """Hash a member without copying it; return what is wrong with it, or nothing."""
    piece = piece_of(part, placed)
    summary, at, end = hashlib.sha256(), piece.offset, piece.offset + piece.length
    try:
        while content := part.read(min(_STEP_BYTES, end - at), at):
            summary.update(content)
            at += len(content)
    except VerificationError as error:
        return error.message
    got = Digest(summary.hexdigest())
    return "" if got == piece.sha256 else Mismatch(piece, got).error().message


def _fault_of_frame(part: PartFile, placed: Placed) -> str:
    member = placed.member
    expected = tar.header(member.name, member.length)
    padding = tar.padding(member.length)
    try:
        if part.read(len(expected), placed.header_at) != expected:
            return _what_else(part, member.name, placed.header_at)
        if padding and any(part.read(padding, placed.bytes_at + member.length)):
            return f"{part.path}: {member.name}: its padding is not zero bytes"
    except VerificationError as error:
        return error.message
    return ""


def _fault_of_end(part: PartFile, expected: int) -> str:
    size = part.size_bytes
    if size < expected:
        return f"{part.path}: cut short: expected {expected:,} bytes, got {size:,}"
    if size > expected:
        return (
            f"{part.path}: expected {expected:,} bytes, got {size:,}: something follows the "
            "end of the part"
        )
    if any(part.read(len(tar.END), expected - len(tar.END))):
        return f"{part.path}: something stands where the tar should end"
    return ""


def _what_else(part: PartFile, name: str, at: int) -> str:
    def read(count: int) -> bytes:
        nonlocal at
        content = part.read(count, at)
        at += count
        return content

    found = tar.read_header(read, where=f"{part.path}: {name}")
    if found is None:
        return f"{part.path}: {name}: the tar ends before it"
    return f"{part.path}: expected {name!r}, got {found.name!r} of {found.size_bytes:,} bytes"
