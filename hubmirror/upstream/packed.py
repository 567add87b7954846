"""Goes through a body in pieces, and undoes the compression that nobody asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from hubmirror.files import CHUNK_BYTES

_GZIP_OR_ZLIB = 47


def as_they_come(read_into: Callable[[memoryview], int]) -> Iterator[memoryview]:
    """Go through a body as it is, in one buffer."""
    buffer = memoryview(bytearray(CHUNK_BYTES))
    while size := read_into(buffer):
        yield buffer[:size]


def unpacked(read_into: Callable[[memoryview], int]) -> Iterator[memoryview]:
    """Go through what a gzip or zlib body holds, never more than a chunk of it at once.

    Raises:
        EOFError: when it ends before its own end.
        zlib.error: when it is damaged.
    """
    buffer = memoryview(bytearray(CHUNK_BYTES))
    unpack = zlib.decompressobj(_GZIP_OR_ZLIB)
    while size := read_into(buffer):
        packed = bytes(buffer[:size])
        while packed or not unpack.eof:
            if unpack.eof:  # another member follows
                unpack = zlib.decompressobj(_GZIP_OR_ZLIB)
            piece = unpack.decompress(packed, CHUNK_BYTES)
            packed = unpack.unconsumed_tail or unpack.unused_data
            if piece:
                yield memoryview(piece)
            elif not packed:
                break
    if not unpack.eof:
        raise EOFError("its compressed body ended too early")
