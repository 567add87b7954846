"""Where checked bytes wait between their arrival and their name.

A file here is called after its digest but is not believed: a run that finds one left by a
killed run hashes it again. Nothing is placed among the blobs before the lock names it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

from hubmirror import files, layout
from hubmirror.blobs import hash_file
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest


class Landing:
    """The waiting bytes of one sync; used from several threads."""

    def __init__(self, mirror: Mirror, modes: files.Modes) -> None:
        self._mirror = mirror
        self._modes = modes
        self._incoming = mirror.incoming

    def _path(self, digest: Digest) -> Path:
        return self._incoming / digest.hex

    @contextlib.contextmanager
    def staged(self) -> Iterator[tuple[IO[bytes], Path]]:
        """Give a private file to write to; it is gone afterwards unless kept."""
        with files.staged(self._mirror.incoming) as staged:
            yield staged

    def keep(self, path: Path, digest: Digest) -> None:
        """Let written and checked bytes wait under their digest."""
        files.move(path, self._path(digest))

    def keep_bytes(self, content: bytes) -> BlobRef:
        """Let small content wait; return its blob."""
        digest = Digest.of(content)
        with self.staged() as (stream, path):
            stream.write(content)
            stream.flush()
            self.keep(path, digest)
        return BlobRef(digest, len(content))

    def present(self, blobs: Iterable[BlobRef]) -> frozenset[BlobRef]:
        """Return those of the blobs whose bytes are here or in the mirror already."""
        return frozenset(
            blob for blob in blobs if self._mirror.blobs.has(blob) or self._waits(blob)
        )

    def _waits(self, blob: BlobRef) -> bool:
        path = self._path(blob.digest)
        try:
            if path.stat().st_size == blob.size_bytes and hash_file(path) == blob.digest:
                return True
        except FileNotFoundError:
            return False
        path.unlink()
        return False

    def find(self, digest: Digest) -> Path | None:
        """Return where checked bytes lie: here, or in the mirror already; None if nowhere."""
        places = (self._path(digest), self._mirror.blobs.path(digest))
        return next((path for path in places if path.exists()), None)

    def place(self, blobs: Iterable[BlobRef]) -> None:
        """Give waiting bytes their durable names among the mirror's blobs."""
        waiting = {path.name for path in self._mirror.incoming.iterdir()}
        found = sorted({blob.digest for blob in blobs if blob.digest.hex in waiting})
        self._mirror.blobs.add_all({digest: self._path(digest) for digest in found}, self._modes)

    def clear(self, kept: Collection[Digest]) -> None:
        """Remove what no run will ask for; only under the run lock."""
        names = {*layout.LOCKS, *(digest.hex for digest in kept)}
        for path in self._mirror.incoming.iterdir():
            if path.name not in names and not path.name.startswith(layout.IMPORT):
                path.unlink()
