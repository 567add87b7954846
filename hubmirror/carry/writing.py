"""Writes one part of a bundle into an open file.

Owns: the bytes of a part. Knows nothing of folders and names. Invariant: a part that is settled
without a mismatch has only blobs whose bytes are their digests, and is on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from hubmirror.carry import tar
from hubmirror.carry.bundle import Bundle
from hubmirror.copying import Copier, Mismatch, Piece, write_at
from hubmirror.errors import VerificationError
from hubmirror.following import Follower
from hubmirror.records import Digest

_STEP_BYTES = 4 * 1024 * 1024


class PartFile:
    """A part that is being written: a target of blobs, in the order of its list.

    Use it in ``with``; the file is for its caller to open, close and name.
    """

    def __init__(
        self, descriptor: int, bundle: Bundle, number: int, watch: Callable[[int], None]
    ) -> None:
        """Begin a part.

        Args:
            descriptor: An empty file, open for writing and reading.
            bundle: Of what the part is.
            number: Which of its parts.
            watch: Called with the number of bytes of blobs, each time that some were copied.
        """
        self._descriptor = descriptor
        self._bundle = bundle
        self._number = number
        self._watch = watch
        self._members = iter(bundle.lists[number - 1].members)
        self._copier = Copier(self._arrived)
        self._whole = Follower()
        self._digests: list[Digest] = []
        self._end = self._followed = self._padding = 0

    def __enter__(self) -> Self:
        for name, content in self._bundle.head(self._number).items():
            self._begin(name, len(content))
            self._add(content)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._copier.__exit__(kind, error, trace)
        self._whole.end()

    @property
    def has_failed(self) -> bool:
        """Whether a blob is known by now not to be its digest, so that no more need be copied."""
        return self._copier.has_failed

    @property
    def digest(self) -> Digest:
        """The sha256 of the whole file, once it is settled."""
        return self._digests[0]

    def take(self, piece: Piece) -> None:
        """Copy the next blob or segment of the list here."""
        self._begin(next(self._members).name, piece.length)
        self._copier.copy(piece, self._descriptor, self._end)

    def settle(self) -> tuple[Mismatch, ...]:
        """Finish the part and make it durable; return the blobs that are not their digests.

        Raises:
            VerificationError: when the file is not as large as its root says.
        """
        if self.has_failed:
            return self._copier.settle()
        self._add(bytes(self._padding) + tar.END)
        self._follow()
        self._whole.finish(self._digests.append)
        os.fsync(self._descriptor)  # while the threads still hash
        found = self._copier.settle()
        self._whole.wait()
        if self._end != (planned := self._bundle.part_bytes(self._number)) and not found:
            name = self._bundle.part_name(self._number)
            raise VerificationError(f"{name}: has {self._end:,} bytes, planned were {planned:,}")
        return found

    def _begin(self, name: str, size: int) -> None:
        self._add(bytes(self._padding) + tar.header(name, size))
        self._padding = tar.padding(size)

    def _add(self, content: bytes) -> None:
        write_at(self._descriptor, content, self._end)
        self._advance(len(content))

    def _arrived(self, size: int) -> None:
        self._watch(size)
        self._advance(size)

    def _advance(self, size: int) -> None:
        self._end += size
        if self._end - self._followed >= _STEP_BYTES:
            self._follow()

    def _follow(self) -> None:
        self._whole.follow(self._descriptor, self._followed, self._end - self._followed)
        self._followed = self._end
