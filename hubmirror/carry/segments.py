"""Blobs that arrive in segments, each in a part of its own, and in any order.

Beside the bytes of a blob lies its journal: a line for each segment that is on the disk, written
after it. Appended to, never rewritten: a torn last line is passed over. So what a killed import
had finished is not read again. Invariant: a blob is given away only after all of it was hashed.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hubmirror import files
from hubmirror.blobs import hash_file
from hubmirror.carry.members import Member
from hubmirror.copying import Copier, Mismatch, Piece
from hubmirror.errors import VerificationError
from hubmirror.records import BlobRef


@dataclass(frozen=True, order=True, slots=True)
class _Span:
    """Bytes of a blob from a first one to before a last one."""

    start: int
    end: int

    @classmethod
    def of(cls, member: Member) -> _Span:
        return cls(member.offset, member.offset + member.length)


class Segments:
    """The unfinished blobs in a folder of one import."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spans: dict[BlobRef, set[_Span]] = {}

    def has(self, member: Member) -> bool:
        """Tell whether a segment is on the disk."""
        return _Span.of(member) in self._known(member.blob)

    def open(self, blob: BlobRef) -> int:
        """Open the bytes of a blob, of which there may be none yet."""
        return os.open(self._path(blob), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def note(self, member: Member) -> None:
        """Remember a segment whose bytes are on the disk."""
        span = _Span.of(member)
        with self._journal(member.blob).open("ab") as journal:
            journal.write(b"%d %d\n" % (span.start, span.end))
            files.sync_file(journal)
        files.sync_folder(self._folder)
        self._known(member.blob).add(span)

    def is_whole(self, blob: BlobRef) -> bool:
        """Tell whether every byte of a blob came in some segment."""
        reached = 0
        for span in sorted(self._known(blob)):
            if span.start > reached:
                return False
            reached = max(reached, span.end)
        return reached == blob.size_bytes

    def joined(self, blob: BlobRef) -> Path:
        """Return the file of a blob that is whole, its bytes checked.

        Raises:
            VerificationError: when its segments, each of them as listed, are not the blob; they
                are forgotten then.
        """
        path = self._path(blob)
        if (got := hash_file(path)) != blob.digest:
            self.forget(blob)
            raise VerificationError(
                f"blob {blob.digest}: its segments are what the bundle lists, but together they "
                f"have sha256 {got}: the bundle was made wrong"
            )
        return path

    def forget(self, blob: BlobRef) -> None:
        """Remove what there is of a blob, the journal first."""
        self._spans.pop(blob, None)
        for path in (self._journal(blob), self._path(blob)):
            path.unlink(missing_ok=True)

    def _path(self, blob: BlobRef) -> Path:
        return self._folder / f"{blob.digest.hex}-{blob.size_bytes}.segments"

    def _journal(self, blob: BlobRef) -> Path:
        return self._path(blob).with_suffix(".journal")

    def _known(self, blob: BlobRef) -> set[_Span]:
        if blob not in self._spans:
            self._spans[blob] = self._read(blob)
        return self._spans[blob]

    def _read(self, blob: BlobRef) -> set[_Span]:
        found: set[_Span] = set()
        try:
            lines = self._journal(blob).read_text(encoding="ascii").splitlines(keepends=True)
            size = self._path(blob).stat().st_size
        except (FileNotFoundError, UnicodeDecodeError):
            return found
        for line in lines:
            with contextlib.suppress(ValueError):
                start, end = map(int, line.split())
                if line.endswith("\n") and end <= size:
                    found.add(_Span(start, end))
        return found


class SegmentTarget:
    """Takes segments; use it in ``with``, and ``settle`` at its end."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._copier = Copier()
        self._taken: dict[Piece, tuple[Member, int]] = {}

    def __enter__(self) -> Self:
        self._copier.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._copier.__exit__(None, None, None)
        self._close()

    def take(self, piece: Piece, member: Member) -> None:
        """Copy a segment to its place; its hash may come later.

        Raises:
            OSError: when it cannot be read, or written.
        """
        descriptor = self._segments.open(member.blob)
        try:
            self._copier.copy(piece, descriptor, member.offset)
        except OSError:
            os.close(descriptor)
            raise
        self._taken[piece] = member, descriptor

    def settle(self) -> tuple[Mismatch, ...]:
        """Make what was taken durable, and remember it; return what is not what it must be."""
        mismatches = self._copier.settle()
        wrong = {mismatch.piece for mismatch in mismatches}
        for piece, (member, descriptor) in self._taken.items():
            if piece not in wrong:
                os.fsync(descriptor)
                self._segments.note(member)
        self._close()
        return mismatches

    def _close(self) -> None:
        for _, descriptor in self._taken.values():
            os.close(descriptor)
        self._taken.clear()
