"""Whether a blob may be believed: by ``stat``, hashed ``once`` on this node, or in ``full``.

Owns: ``verified/`` in the cache, with one empty file for each blob hashed: its name holds the
digest and the identity of the file (device, inode, size, mtime, ctime), so that a file which
changed in any way that the kernel notices is hashed again. What ``once`` cannot see is a disk
that gives other bytes for an unchanged file.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Protocol

from hubmirror.records import BlobRef
from hubmirror.settings import Verify


class BytesAt(Protocol):
    """Knows where the bytes of blobs lie: a mirror's ``Blobs``, or what was handed to us."""

    def check(self, blob: BlobRef, *, full: bool) -> Path:
        """Return a blob's path once it is known to be there and whole; ``full`` hashes it.

        Raises:
            VerificationError: when it is missing, has another size, or other bytes.
        """


class Verifier:
    """Checks the blobs of one mirror for the readers of one node."""

    def __init__(self, blobs: BytesAt, cache: Path, verify: Verify) -> None:
        self._blobs = blobs
        self._folder = cache / "verified"
        self._verify = verify

    def check(self, blob: BlobRef) -> Path:
        """Return a blob's path once it may be believed; presence and size always count.

        Raises:
            VerificationError: when it is missing, has another size, or other bytes.
        """
        path = self._blobs.check(blob, full=False)
        match self._verify:
            case Verify.STAT:
                pass
            case Verify.FULL:
                self._blobs.check(blob, full=True)
            case Verify.ONCE:
                mark = self._mark(blob, path)
                if not mark.exists():
                    self._blobs.check(blob, full=True)
                    self._remember(mark)
        return path

    def _mark(self, blob: BlobRef, path: Path) -> Path:
        found = path.stat()
        identity = (
            found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns,
        )  # fmt: skip
        return self._folder / "-".join([blob.digest.hex, *(str(number) for number in identity)])

    def _remember(self, mark: Path) -> None:
        with contextlib.suppress(OSError):  # a full cache costs time, and is no reason to fail
            self._folder.mkdir(mode=0o700, exist_ok=True)
            mark.touch()
