"""One part of a bundle as a file: believed step by step, from its root down.

Owns: what must be true of a part before a blob of it is looked at. Knows nothing of mirrors.
Invariant: nothing that a part says is used before what vouches for it was checked; every header
is compared with the one that belongs there, so that no name or kind in the tar is ever obeyed.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hubmirror.carry import names, tar
from hubmirror.carry.format import (
    MEMBERS_MOST_BYTES,
    PUBLICATION_MOST_BYTES,
    ROOT_MOST_BYTES,
    SIGNATURE_MOST_BYTES,
    Amount,
    Root,
)
from hubmirror.carry.members import MemberList, decode_required
from hubmirror.errors import VerificationError
from hubmirror.publications import Publication
from hubmirror.records import Digest

_REQUIRED_MOST_BYTES = 64 * 1024 * 1024
_STEP_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """The root of a part, its bytes, and its signature where it has one; not judged yet."""

    root: Root
    content: bytes
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """What a part says before its blobs, all of it vouched for by the root.

    Attributes:
        signed: The root.
        publication: What the bundle carries.
        publication_content: The bytes of that.
        listed: The part's own list.
        required: ``requires.bin``, in part 1 only.
        blobs_at: Where in the file the first blob's header begins.
    """

    signed: SignedRoot
    publication: Publication
    publication_content: bytes
    listed: MemberList
    required: bytes | None
    blobs_at: int


class PartFile:
    """A part, open for reading in ``with``. Its methods are called in their order.

    Whatever keeps it from being read (no such file, no permission, a bad sector, a medium that
    was pulled out) is a ``VerificationError`` that names it.

    Attributes:
        path: The file.
        descriptor: Open for as long as the ``with`` lasts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1
        self._at = 0

    def __enter__(self) -> Self:
        try:
            self.descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise VerificationError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(self.descriptor).st_mode):
            os.close(self.descriptor)
            raise VerificationError(f"{self.path}: not a regular file, so no part of a bundle")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    @property
    def size_bytes(self) -> int:
        """The size of the file as it is now."""
        return os.fstat(self.descriptor).st_size

    def read_root(self) -> SignedRoot:
        """Read the root, which every part begins with.

        Raises:
            FormatError: when it asks for a newer reader.
            VerificationError: when this is no part, or its root is damaged.
        """
        content = self._member(names.ROOT, ROOT_MOST_BYTES)
        root = Root.decode(content, where=f"{self.path}: {names.ROOT}")
        signature = None
        if self._peek() == names.SIGNATURE:
            signature = self._member(names.SIGNATURE, SIGNATURE_MOST_BYTES)
        return SignedRoot(root, content, signature)

    def read_head(self, signed: SignedRoot) -> Head:
        """Read what stands between the root and the blobs.

        Raises:
            FormatError: when the publication asks for a newer reader.
            VerificationError: when something in it is not what the root says.
        """
        root = signed.root
        content = self._member(names.PUBLICATION, PUBLICATION_MOST_BYTES)
        self._check(names.PUBLICATION, content, root.publication)
        publication = Publication.decode(content, where=f"{self.path}: {names.PUBLICATION}")
        if (publication.origin, publication.sequence) != (root.origin, root.sequence):
            raise VerificationError(
                f"{self.path}: the root says sequence {root.sequence} of {root.origin}, its "
                f"publication sequence {publication.sequence} of {publication.origin}"
            )
        listed = self._read_list(root)
        required = None
        if listed.number == 1:
            required = self._member(names.REQUIRED, _REQUIRED_MOST_BYTES)
            self._check(names.REQUIRED, required, root.required_digest)
            self._check_required(required, root)
        head = Head(signed, publication, content, listed, required, self._at)
        self._check_size(head)
        return head

    def _read_list(self, root: Root) -> MemberList:
        content = self._member(names.MEMBERS, MEMBERS_MOST_BYTES)
        digest = Digest.of(content)
        known = [number for number, one in enumerate(root.parts, 1) if one.members == digest]
        if not known:
            raise VerificationError(
                f"{self.path}: {names.MEMBERS}: its sha256 {digest} is none of the "
                f"{len(root.parts)} that the root names: damaged, or a part of another bundle"
            )
        listed = MemberList.decode(content, where=f"{self.path}: {names.MEMBERS}")
        if listed.number not in known:
            raise VerificationError(
                f"{self.path}: {names.MEMBERS}: expected number {known[0]}, got {listed.number}"
            )
        return listed

    def _check_required(self, content: bytes, root: Root) -> None:
        blobs = decode_required(content, where=f"{self.path}: {names.REQUIRED}")
        listed = Amount(len(blobs), sum(blob.size_bytes for blob in blobs))
        if listed != root.required:
            raise VerificationError(
                f"{self.path}: {names.REQUIRED}: the root says {root.required.count:,} blobs of "
                f"{root.required.size_bytes:,} bytes, it lists {listed.count:,} of "
                f"{listed.size_bytes:,}"
            )

    def _check_size(self, head: Head) -> None:
        """The list must fill just the part that the root describes: else one of them lies."""
        signature = head.signed.signature
        signed = 0 if signature is None else tar.whole_size(len(signature))
        rest = sum(tar.whole_size(member.length) for member in head.listed.members)
        listed = head.blobs_at + rest + len(tar.END) - signed
        entry = head.signed.root.parts[head.listed.number - 1]
        if listed != entry.size_bytes:
            raise VerificationError(
                f"{self.path}: the root says that part {head.listed.number} has "
                f"{entry.size_bytes:,} bytes, what it lists takes {listed:,}"
            )

    def _member(self, name: str, most_bytes: int) -> bytes:
        """Read a member of the head whole, after its size was found to be possible."""
        header = tar.read_header(self._next, where=f"{self.path}: {name}")
        if header is None or header.name != name:
            got = repr(header.name) if header else "the end of the tar"
            raise VerificationError(f"{self.path}: expected {name!r}, got {got}")
        if header.size_bytes > most_bytes:
            raise VerificationError(
                f"{self.path}: {name}: claims {header.size_bytes:,} bytes, "
                f"at most {most_bytes:,} can be"
            )
        content = self._next(header.size_bytes)
        padding = self._next(tar.padding(header.size_bytes))
        if len(content) < header.size_bytes or len(padding) < tar.padding(header.size_bytes):
            raise VerificationError(f"{self.path}: {name}: the file ends in it")
        if any(padding):
            raise VerificationError(f"{self.path}: {name}: its padding is not zero bytes")
        return content

    def _check(self, name: str, content: bytes, expected: Digest) -> None:
        if (got := Digest.of(content)) != expected:
            raise VerificationError(f"{self.path}: {name}: expected sha256 {expected}, got {got}")

    def _peek(self) -> str:
        block = self.read(tar.BLOCK_BYTES, self._at)
        return block.partition(b"\0")[0].decode("ascii", errors="replace")

    def _next(self, count: int) -> bytes:
        content = self.read(count, self._at)
        self._at += count
        return content

    def read(self, count: int, at: int) -> bytes:
        """Read a few bytes, fewer where the file ends.

        Raises:
            VerificationError: when the medium does not give them.
        """
        try:
            return os.pread(self.descriptor, count, at)
        except OSError as error:
            raise VerificationError(
                f"{self.path}: cannot be read at byte {at:,}: {error.strerror}"
            ) from error
