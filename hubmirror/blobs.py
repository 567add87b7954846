"""The content-addressed half of a mirror: bytes in, digest out.

Owns: ``blobs/``. Knows nothing of repos, manifests or URLs.
Invariant: a file whose name is a digest has exactly that content; it never changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from hubmirror import files, layout
from hubmirror.errors import VerificationError
from hubmirror.filesystem import patiently
from hubmirror.records import BlobRef, Digest

_T = TypeVar("_T")
_NAME = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """The blobs of a mirror on this machine's file system."""

    def __init__(self, root: Path, *, patience_s: float | None = None) -> None:
        """Open them; ``patience_s`` is that of ``filesystem.patiently``."""
        self._root = root
        self._patience_s = patience_s

    def path(self, digest: Digest) -> Path:
        """Return where a blob lies, whether or not it is there."""
        return self._root / layout.blob(digest)

    def has(self, blob: BlobRef) -> bool:
        """Tell whether a blob is there with its size; its bytes are not read."""
        name = f"{self._root}/{layout.blob(blob.digest)}"
        try:  # of every blob at every sync: a Path for each would cost more than the question
            return os.stat(name).st_size == blob.size_bytes  # noqa: PTH116
        except FileNotFoundError:
            return False

    def check(self, blob: BlobRef, *, full: bool) -> Path:
        """Return a blob's path once it is known to be there and whole.

        Args:
            blob: What is expected.
            full: Also hash it; otherwise presence and size must do.

        Raises:
            VerificationError: when it is missing, has another size, or other bytes.
        """
        path = self.path(blob.digest)
        try:
            size = self._look(path, Path.stat).st_size
        except FileNotFoundError:
            raise VerificationError(
                f"{path}: missing; the publication names this blob",
                hint="run `hubmirror verify`, then `hubmirror sync` or import it again",
            ) from None
        if size != blob.size_bytes:
            raise VerificationError(f"{path}: expected {blob.size_bytes} bytes, got {size}")
        if full and (got := self._look(path, hash_file)) != blob.digest:
            raise VerificationError(f"{path}: expected sha256 {blob.digest}, got {got}")
        return path

    def read(self, digest: Digest) -> bytes:
        """Return a small blob whole, hashed.

        Raises:
            VerificationError: when it is missing or its bytes are not its name.
        """
        path = self.path(digest)
        try:
            content = self._look(path, Path.read_bytes)
        except FileNotFoundError:
            raise VerificationError(f"{path}: missing; the publication names this blob") from None
        if (got := Digest.of(content)) != digest:
            raise VerificationError(f"{path}: expected sha256 {digest}, got {got}")
        return content

    def _look(self, path: Path, look: Callable[[Path], _T]) -> _T:
        return patiently(path, look, promised=True, patience_s=self._patience_s)

    def add(self, path: Path, digest: Digest, modes: files.Modes) -> None:
        """Give bytes whose digest was checked their name; ``path`` is gone afterwards."""
        files.place(path, self.path(digest), mode=modes.blob, folder_mode=modes.folder)

    def add_all(self, paths: Mapping[Digest, Path], modes: files.Modes) -> None:
        """Like ``add`` for many blobs, which share the cost of becoming durable."""
        pairs = {path: self.path(digest) for digest, path in paths.items()}
        files.place_all(pairs, mode=modes.blob, folder_mode=modes.folder)

    def held(self) -> Iterator[Digest]:
        """Go through every blob that is there, by name only."""
        return (Digest(raw.hex()) for raw in sorted(self.sizes()))

    def sizes(self) -> dict[bytes, int]:
        """Return the size on disk of every blob that is there, by its raw digest.

        No objects: those of 100,000 blobs would cost more than the look at the disk.
        """
        found: dict[bytes, int] = {}
        for entry in self.entries():
            if entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    found[bytes.fromhex(entry.name)] = entry.stat().st_size
        return found

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """Go through all that lies here under the name of a blob, in no order."""
        for folder in (self._root / layout.BLOBS).glob("??"):
            with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
                yield from (entry for entry in entries if _NAME.fullmatch(entry.name))


def hash_file(path: Path) -> Digest:
    """Return the digest of a file's bytes."""
    with path.open("rb") as stream:
        return Digest(hashlib.file_digest(stream, "sha256").hexdigest())
