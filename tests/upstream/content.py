"""A file as a host holds it: bytes in memory or on disk, and what HTTP says of them.

Owns: reading any part, and turning the bytes into wrong ones. Knows nothing of requests.
Invariant: a content never changes; what a fault does to it is another content.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.upstream.faults import http_date

PIECE_BYTES = 256 * 1024
INVERTED = bytes(255 - value for value in range(256))
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)

Headers = tuple[tuple[str, str], ...]
Edit = Callable[[bytes, int], bytes]
"""Gets a piece and its offset in the file, gives as many bytes."""


@dataclass(frozen=True, slots=True)
class Content:
    """One version of one file."""

    data: bytes | Path
    size: int
    sha256: str
    content_type: str
    headers: Headers
    modified: datetime
    edits: tuple[Edit, ...] = ()
    generation: int = 0

    @classmethod
    def read(
        cls,
        data: bytes | Path,
        *,
        content_type: str,
        headers: tuple[tuple[str, str], ...],
        age: int,
    ) -> "Content":
        """Hash the bytes, or the file, which must then stay as it is.

        Args:
            age: the larger, the later the Last-Modified date.
        """
        if isinstance(data, Path):
            with data.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            size = data.stat().st_size
        else:
            sha256, size = hashlib.sha256(data).hexdigest(), len(data)
        return cls(data, size, sha256, content_type, headers, EPOCH + timedelta(seconds=age))

    @property
    def etag(self) -> str:
        """A strong validator: another one for other bytes."""
        return f'"{self.sha256[:32]}-{self.generation}"'

    @property
    def last_modified(self) -> str:
        """The date of this version, as HTTP writes it."""
        return http_date(self.modified)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, some at a time."""
        offset = start
        for raw in self._raw(start, stop):
            piece = raw
            for edit in self.edits:
                piece = edit(piece, offset)
            offset += len(raw)
            yield piece

    def _raw(self, start: int, stop: int) -> Iterator[bytes]:
        if isinstance(self.data, bytes):
            for at in range(start, stop, PIECE_BYTES):
                yield self.data[at : min(at + PIECE_BYTES, stop)]
            return
        with self.data.open("rb") as stream:
            stream.seek(start)
            while start < stop and (piece := stream.read(min(PIECE_BYTES, stop - start))):
                start += len(piece)
                yield piece

    def inverted(self) -> "Content":
        """As many bytes, each another, behind the same ETag."""
        return replace(self, edits=(*self.edits, lambda piece, _: piece.translate(INVERTED)))

    def flipped(self, offset: int) -> "Content":
        """One bit of the byte at `offset` flipped, behind the same ETag."""
        return replace(self, edits=(*self.edits, flip_at(offset)))

    def replaced(self) -> "Content":
        """Other bytes of the same size, with another ETag and a later date."""
        later = self.modified + timedelta(days=1)
        return replace(self.inverted(), modified=later, generation=self.generation + 1)

    def gzipped(self) -> "Content":
        """The bytes as a gzip stream, under a header that says so."""
        packed = gzip.compress(b"".join(self.pieces(0, self.size)), mtime=0)
        headers = (*self.headers, ("Content-Encoding", "gzip"))
        return replace(self, data=packed, size=len(packed), headers=headers, edits=())


def flip_at(offset: int) -> Edit:
    """An edit that flips one bit of the byte at `offset`."""

    def edit(piece: bytes, start: int) -> bytes:
        at = offset - start
        if not 0 <= at < len(piece):
            return piece
        return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]

    return edit
