"""The container of a part: a plain tar of regular files, in one way of writing it only.

Owns: the headers, both ways. Knows nothing of bundles. Invariant: a header has exactly the bytes
that ``header`` gives for its name and size; whatever else a tar may say (links, devices, owners,
times, sparse files) is therefore no header of ours, and refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubmirror.errors import VerificationError

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)

_USTAR_LIMIT = 8**11  # eleven octal digits
_NAME_BYTES = 100
_PAX_NAME = "size"  # of the member that a pax record is; nobody unpacks it
_REGULAR, _PAX = b"0", b"x"
_KINDS = {
    b"\0": "a file as old versions of tar write it",
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"L": "a long name of GNU tar",
    b"K": "a long link of GNU tar",
    b"g": "a global pax record",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a member's bytes."""

    name: str
    size_bytes: int


def header(name: str, size_bytes: int) -> bytes:
    """Return the blocks that stand before a member's bytes.

    Names are ASCII and have at most 100 characters. A size of 8 GiB or more has a pax record.
    """
    if size_bytes < _USTAR_LIMIT:
        return _block(name, size_bytes, _REGULAR)
    record = _size_record(size_bytes)
    return b"".join(
        (
            _block(_PAX_NAME, len(record), _PAX),
            record + bytes(padding(len(record))),
            _block(name, 0, _REGULAR),
        )
    )


def padding(size_bytes: int) -> int:
    """Return how many zero bytes follow a member of this size."""
    return -size_bytes % BLOCK_BYTES


def whole_size(size_bytes: int) -> int:
    """Return what a member of this size takes in the tar: header, bytes and padding."""
    blocks = 1 if size_bytes < _USTAR_LIMIT else 3
    return blocks * BLOCK_BYTES + size_bytes + padding(size_bytes)


def read_header(read: Callable[[int], bytes], *, where: str) -> Header | None:
    """Read the next header; None where the tar ends.

    Args:
        read: Gives as many bytes as it is asked for, or fewer where the file ends.
        where: The file, for messages.

    Raises:
        VerificationError: when this is no header of ours, naming what it is instead.
    """
    first = _read_blocks(read, 1, where)
    if not any(first):
        if any(_read_blocks(read, 1, where)):
            raise VerificationError(f"{where}: something follows the end of the tar")
        return None
    blocks, size = first, _octal(first[124:136])
    if _kind(first) == _PAX:
        blocks = first + _read_blocks(read, 2, where)
        size = _recorded_size(blocks[BLOCK_BYTES : 2 * BLOCK_BYTES])
    last = blocks[-BLOCK_BYTES:]
    name = last[:_NAME_BYTES].rstrip(b"\0").decode("ascii", errors="replace")
    if size < 0 or not name.isascii() or header(name, size) != blocks:
        raise VerificationError(f"{where}: {_what_else(last, name)}")
    return Header(name, size)


def _block(name: str, size_bytes: int, kind: bytes) -> bytes:
    encoded = name.encode("ascii")
    if not 0 < len(encoded) <= _NAME_BYTES:
        raise ValueError(name)
    start = b"".join(
        (
            encoded.ljust(_NAME_BYTES, b"\0"),
            b"0000444\0" + b"0000000\0" + b"0000000\0",  # mode, user, group
            b"%011o\0" % size_bytes,
            b"%011o\0" % 0,  # time
        )
    )
    rest = (kind + bytes(100) + b"ustar\0" + b"00").ljust(BLOCK_BYTES - len(start) - 8, b"\0")
    checksum = sum(start) + sum(rest) + 8 * ord(" ")
    return start + b"%06o\0 " % checksum + rest


def _size_record(size_bytes: int) -> bytes:
    """Return ``<its own length> size=<digits>``, as pax wants it."""
    text = b" size=%d\n" % size_bytes
    length = len(text) + 2  # as many as two digits say, for any size that there is
    return b"%d" % length + text


def _recorded_size(block: bytes) -> int:
    digits = block.rstrip(b"\0\n").rpartition(b"=")[2]
    return int(digits) if digits.isdigit() and len(digits) < 20 else -1


def _octal(field: bytes) -> int:
    digits = field.rstrip(b"\0 ")
    return int(digits, 8) if digits and all(one in b"01234567" for one in digits) else -1


def _kind(block: bytes) -> bytes:
    return block[156:157]


def _read_blocks(read: Callable[[int], bytes], count: int, where: str) -> bytes:
    blocks = read(count * BLOCK_BYTES)
    if len(blocks) < count * BLOCK_BYTES:
        raise VerificationError(f"{where}: ends early, in the middle of the tar")
    return blocks


def _what_else(block: bytes, name: str) -> str:
    if block[257:262] != b"ustar":
        return "not a header of a tar where one should be"
    if kind := _KINDS.get(_kind(block)):
        return f"a regular file was expected, {name!r} is {kind}"
    return f"the header of {name!r} is none that hubmirror writes"
