"""Brings blobs from one place to another: verified on the way, durable in batches, names last.

Owns: the two protocols between which bytes travel, and both of them for a mirror on this
machine's file system. Which bytes are brought is decided by whoever calls. Invariant: a blob has
its name only once its bytes were hashed in their new place and are on the disk there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from hubmirror import files
from hubmirror.blobs import Blobs
from hubmirror.copying import Copier, Mismatch, Piece
from hubmirror.errors import VerificationError
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest

_BATCH_BYTES = 1 << 30
_BATCH_FILES = 4000
_BATCH_OPEN = 256  # a process may have 1,024 files open, where nobody raised that


class Source(Protocol):
    """A place that has blobs."""

    def pieces(self, wanted: Iterable[BlobRef]) -> Iterator[Piece]:
        """Yield each of these blobs whole, in an order that suits the place.

        A piece is good until the next one is asked for.

        Raises:
            VerificationError: when one is missing or has another size.
        """


class Target(Protocol):
    """A place that takes blobs; for one thread."""

    def take(self, piece: Piece) -> None:
        """Copy a piece here; its hash may come later.

        Raises:
            OSError: when this cannot be written; what was settled before stays.
        """

    def settle(self) -> tuple[Mismatch, ...]:
        """Make all that was taken durable, but for what is not what it must be; return that."""


class MirrorSource:
    """The blobs of a mirror, to be read.

    ``beside`` are blobs that no mirror has, each an open file.
    """

    def __init__(self, blobs: Blobs, beside: Mapping[BlobRef, int] | None = None) -> None:
        self._blobs = blobs
        self._beside = beside or {}

    def pieces(self, wanted: Iterable[BlobRef]) -> Iterator[Piece]:
        """Yield each of these blobs, in the order in which they are given."""
        for blob in wanted:
            with self.opened(blob) as piece:
                yield piece

    @contextlib.contextmanager
    def opened(self, blob: BlobRef) -> Iterator[Piece]:
        """Give one blob, opened.

        Raises:
            VerificationError: when it is missing or has another size.
        """
        if blob in self._beside:
            yield Piece(blob.digest.hex, self._beside[blob], 0, blob.size_bytes, blob.digest)
            return
        path = str(self._blobs.path(blob.digest))
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._blobs.check(blob, full=False)  # says that it is missing, and what to do
            raise
        try:
            if (size := os.fstat(descriptor).st_size) != blob.size_bytes:
                raise VerificationError(f"{path}: expected {blob.size_bytes:,} bytes, got {size:,}")
            yield Piece(path, descriptor, 0, blob.size_bytes, blob.digest)
        finally:
            os.close(descriptor)


class MirrorTarget:
    """A mirror that takes blobs, under its writer's lock; use it in ``with``.

    Bytes arrive in ``.incoming``, or in a folder on the same file system, under their digest,
    where they are not believed yet. A batch of them is hashed, made durable and named together.
    What a killed run left is overwritten.
    """

    def __init__(self, mirror: Mirror, modes: files.Modes, *, folder: Path | None = None) -> None:
        self._mirror = mirror
        self._modes = modes
        self._folder = folder or mirror.incoming
        self._copier = Copier()
        self._arrived: dict[Digest, Path] = {}
        self._open: list[int] = []
        self._size_bytes = 0
        self._mismatches: list[Mismatch] = []

    def __enter__(self) -> Self:
        self._copier.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._copier.__exit__(kind, error, trace)
        self._clear()

    def take(self, piece: Piece) -> None:
        """Copy a whole blob here; twice the same is once."""
        if piece.sha256 in self._arrived:
            return
        path = self._folder / piece.sha256.hex
        self._arrived[piece.sha256] = path
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        self._open.append(descriptor)
        try:
            is_hashed = self._copier.copy(piece, descriptor, 0)
        except OSError:
            self._arrived.pop(piece.sha256).unlink()  # whoever calls may know how to go on
            raise
        if is_hashed:
            os.close(self._open.pop())
        self._size_bytes += piece.length
        if self._is_full():
            self._place()

    def settle(self) -> tuple[Mismatch, ...]:
        """Give all that is whole its name, durably; return what is not what it must be."""
        self._place()
        found = tuple(self._mismatches)
        self._mismatches.clear()
        return found

    def _is_full(self) -> bool:
        return (
            self._size_bytes >= _BATCH_BYTES
            or len(self._arrived) >= _BATCH_FILES
            or len(self._open) >= _BATCH_OPEN
        )

    def _place(self) -> None:
        found = self._copier.settle()
        self._mismatches += found
        for mismatch in found:
            self._arrived.pop(mismatch.piece.sha256).unlink()
        self._mirror.blobs.add_all(self._arrived, self._modes)
        self._arrived.clear()
        self._clear()

    def _clear(self) -> None:
        """Let go of the batch, and of its bytes where they have no name yet."""
        while self._open:
            os.close(self._open.pop())
        for path in self._arrived.values():
            path.unlink(missing_ok=True)
        self._arrived.clear()
        self._size_bytes = 0


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a transfer brought: how many blobs, and the sum of their sizes."""

    count: int
    size_bytes: int


def transfer(source: Source, target: Target, wanted: Iterable[BlobRef]) -> Transferred:
    """Bring these blobs; what was good before the first wrong one stays.

    Raises:
        VerificationError: naming the first blob whose bytes are not its digest.
    """
    count = size = 0
    for piece in source.pieces(wanted):
        target.take(piece)
        count, size = count + 1, size + piece.length
    if found := target.settle():
        raise found[0].error()
    return Transferred(count, size)


def replicate(
    source: Mirror, publication: Digest, target: Mirror, modes: files.Modes
) -> Transferred:
    """Let a mirror's readers see another mirror's publication: blobs, then names.

    Only under the target's lock; whether it may be replaced is for whoever calls to know.
    """
    wanted = sorted(blob for blob in source.closure(publication) if not target.blobs.has(blob))
    with MirrorTarget(target, modes) as arriving:
        done = transfer(MirrorSource(source.blobs), arriving, wanted)
    sequence = source.publications.read(publication).sequence
    target.publications.add_bytes(source.publications.read_bytes(publication), modes)
    target.publications.make_current(publication, sequence, modes)
    return done
