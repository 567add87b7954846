"""Puts a body on the wire, well or badly.

Owns: framing, pace, and the cuts in the middle. Knows nothing of paths or files.
Invariant: whatever was counted as sent was handed to the kernel; a cut body ends its connection.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tests.upstream.armed import Armed, FaultSet
from tests.upstream.content import INVERTED, flip_at
from tests.upstream.faults import Drop, FlippedByte, Reset, Slow, Stall, WrongBytes
from tests.upstream.reply import Reply

SLICES_PER_SECOND = 20


class CutError(Exception):
    """A fault ended the connection here."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Hand the bytes to the kernel, all of them."""


class BodyWriter:
    """Sends bodies over one connection."""

    def __init__(self, sink: Sink, halt: threading.Event, count: Callable[[int], None]) -> None:
        self._sink = sink
        self._halt = halt
        self._count = count

    def send(self, reply: Reply, faults: FaultSet) -> None:
        """Send the body of `reply`, as the faults have it.

        Raises:
            CutError: a fault broke the body off, or it was shorter than was said.
            OSError: the client went away.
        """
        sent = 0
        for piece in self._paced(self._cut(reply.body, faults), faults):
            if reply.framing == "chunked":
                self._sink.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            else:
                self._sink.write(piece)
            sent += len(piece)
            self._count(len(piece))
        if reply.framing == "chunked":
            self._sink.write(b"0\r\n\r\n")
        if reply.framing == "length" and sent < reply.length:
            raise CutError

    def _paced(self, pieces: Iterable[bytes], faults: FaultSet) -> Iterator[bytes]:
        slow = faults.biting(Slow)
        if slow is None:
            yield from pieces
            return
        step = max(slow.bytes_per_second // SLICES_PER_SECOND, 1)
        for piece in pieces:
            for at in range(0, len(piece), step):
                part = piece[at : at + step]
                yield part
                if self._halt.wait(len(part) / slow.bytes_per_second):
                    raise CutError

    def _cut(self, pieces: Iterable[bytes], faults: FaultSet) -> Iterator[bytes]:
        stalls = [(fault.after_bytes, armed) for fault, armed in faults.of(Stall)]
        drops = [(fault.after_bytes, armed) for fault, armed in faults.of(Drop)]
        resets = [(fault.after_bytes, armed) for fault, armed in faults.of(Reset)]
        waiting = sorted([*stalls, *drops, *resets], key=lambda due: due[0])
        sent = 0
        for piece in pieces:
            rest = piece
            while rest:
                while waiting and waiting[0][0] <= sent:
                    self._bite(waiting.pop(0)[1])
                room = waiting[0][0] - sent if waiting else len(rest)
                part, rest = rest[:room], rest[room:]
                sent += len(part)
                yield part

    def _bite(self, armed: Armed) -> None:
        if not armed.bites():
            return
        match armed.fault:
            case Drop():
                raise CutError
            case Reset():
                raise CutError(reset=True)
            case Stall(seconds=seconds):
                if self._halt.wait(seconds):
                    raise CutError
            case _:
                message = f"{armed.fault} cannot cut a body"
                raise TypeError(message)


def spoilt(pieces: Iterable[bytes], faults: FaultSet) -> Iterator[bytes]:
    """A stream that has no offset of its own, with its bytes as the faults have them."""
    inverted = faults.biting(WrongBytes) is not None
    flip = faults.biting(FlippedByte)
    edit = flip_at(flip.offset) if flip is not None else None
    offset = 0
    for piece in pieces:
        wrong = piece.translate(INVERTED) if inverted else piece
        yield edit(wrong, offset) if edit is not None else wrong
        offset += len(piece)


def abort(connection: socket.socket) -> None:
    """Close so that the other side sees a reset (RST) instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
