"""Copies bytes from file to file inside the kernel, and hashes what arrived.

Owns: the one loop that does so, and what its thread compares. Knows nothing of mirrors or
bundles. Invariant: what ``settle`` does not name has its sha256, read back from the file that it
was copied to; nothing is durable yet, that is for whoever gives it a name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hubmirror import files
from hubmirror.errors import VerificationError
from hubmirror.following import Follower
from hubmirror.records import Digest

_SMALL_BYTES = 128 * 1024  # up to here the thread would cost more than it saves
_STEP_BYTES = 8 * 1024 * 1024
_READ_BYTES = 256 * 1024
_NOT_BY_KERNEL = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes in an open file that are to be copied, and what they must be.

    Attributes:
        name: What messages call them.
        descriptor: The open file; it may be closed once ``copy`` is back.
        offset: Where in the file they begin.
        length: How many they are.
        sha256: What they must be.
    """

    name: str
    descriptor: int
    offset: int
    length: int
    sha256: Digest


class WrongBytesError(VerificationError):
    """Bytes that were copied, and are not what they must be: ``expected``."""

    def __init__(self, message: str, *, expected: Digest) -> None:
        super().__init__(message)
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A piece whose bytes are not what they must be; ``got`` is None where they end early."""

    piece: Piece
    got: Digest | None

    def error(self) -> WrongBytesError:
        """Return the error that says so."""
        name, expected = self.piece.name, self.piece.sha256
        if self.got is None:
            said = f"{name}: ends early, {self.piece.length:,} bytes expected"
        else:
            said = f"{name}: expected sha256 {expected}, got {self.got}"
        return WrongBytesError(said, expected=expected)


class Copier:
    """Copies pieces, of which each is hashed in its target while the next ones are copied.

    For one thread; use it in ``with``. A target must be open for reading too, and stay open
    until ``settle``.

    Args:
        arrived: Called with the number of bytes, each time that some have been copied.
    """

    def __init__(self, arrived: Callable[[int], None] = lambda _: None) -> None:
        self._arrived = arrived
        self._follower = Follower()
        self._mismatches: list[Mismatch] = []
        self._by_kernel = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._follower.end()

    @property
    def has_failed(self) -> bool:
        """Whether a piece is known by now not to be what it must be."""
        return bool(self._mismatches) or self._follower.is_broken

    def copy(self, piece: Piece, target: int, offset: int) -> bool:
        """Copy a piece to this place in the target; say whether it is hashed already.

        Raises:
            OSError: as the kernel words it; the target is in no known state then.
        """
        if piece.length <= _SMALL_BYTES:
            self._copy_small(piece, target, offset)
            return True
        done = 0
        while done < piece.length:
            step = min(_STEP_BYTES, piece.length - done)
            if not self._copy_step(piece, done, target, offset + done, step):
                self._mismatches.append(Mismatch(piece, None))
                self._follower.finish(lambda _: None)
                return False
            files.start_writing_out(target, offset + done, step)
            self._follower.follow(target, offset + done, step)
            self._arrived(step)
            done += step
        self._follower.finish(lambda got: self._compare(piece, got))
        return False

    def settle(self) -> tuple[Mismatch, ...]:
        """Wait until all is hashed; return what is not what it must be, since the last call.

        Raises:
            OSError: when a target cannot be read back.
        """
        self._follower.wait()
        found = tuple(self._mismatches)
        self._mismatches.clear()
        return found

    def _compare(self, piece: Piece, got: Digest) -> None:
        if got != piece.sha256:
            self._mismatches.append(Mismatch(piece, got))

    def _copy_small(self, piece: Piece, target: int, offset: int) -> None:
        content = _read(piece, piece.length, piece.offset)
        if len(content) < piece.length:
            self._mismatches.append(Mismatch(piece, None))
            return
        if (got := Digest.of(content)) != piece.sha256:
            self._mismatches.append(Mismatch(piece, got))
            return
        write_at(target, content, offset)
        self._arrived(piece.length)

    def _copy_step(self, piece: Piece, done: int, target: int, offset: int, size: int) -> bool:
        """Copy one span; say False where the source ends before it."""
        start, end = piece.offset + done, piece.offset + done + size
        while start < end:
            copied = self._copy_some(piece, start, target, offset, end - start)
            if not copied:
                return False
            start, offset = start + copied, offset + copied
        return True

    def _copy_some(self, piece: Piece, start: int, target: int, offset: int, most: int) -> int:
        if self._by_kernel:
            try:
                if copied := os.copy_file_range(piece.descriptor, target, most, start, offset):
                    return copied
            except OSError as error:
                self._by_kernel = error.errno not in _NOT_BY_KERNEL
                if self._by_kernel and error.errno != errno.EIO:
                    raise
        # Also where the kernel said 0: some file systems do so in the middle of a file. And where
        # it said that a disk fails: here it is seen which one.
        content = _read(piece, min(most, _READ_BYTES), start)
        write_at(target, content, offset)
        return len(content)


def _read(piece: Piece, size: int, offset: int) -> bytes:
    try:
        return os.pread(piece.descriptor, size, offset)
    except OSError as error:
        error.filename = piece.name
        raise


def write_at(target: int, content: bytes, offset: int) -> None:
    """Write all of these bytes to this place."""
    view = memoryview(content)
    while view:
        written = os.pwrite(target, view, offset)
        view, offset = view[written:], offset + written
