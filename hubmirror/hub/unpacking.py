"""Unpacks a snapshot while hashing it, trusting nothing in it.

Knows nothing of caches or repos. Invariant: only regular files, folders and symlinks that stay
inside come out, whatever the tar says; and the caller learns of bytes that are not the digest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from pathlib import Path
from typing import IO

from hubmirror.errors import VerificationError
from hubmirror.files import CHUNK_BYTES
from hubmirror.records import Digest


def unpack(blob: Path, digest: Digest, folder: Path) -> None:
    """Unpack a snapshot into an empty private folder.

    Its bytes are read once. On an error the folder holds rubbish, for the caller to remove.

    Raises:
        VerificationError: when the bytes are not the digest's, or a member is not harmless.
    """
    damage: VerificationError | None = None
    with blob.open("rb") as stream:
        source = _HashingReader(stream)
        try:
            _unpack_members(source, folder)
        except (tarfile.TarError, UnicodeError, ValueError, FileExistsError) as error:
            damage = VerificationError(f"{blob}: not a snapshot: {error}")
        got = source.finish()
    if got != digest:
        raise VerificationError(f"{blob}: expected sha256 {digest}, got {got}")
    if damage:
        raise damage


class _HashingReader:
    """Reads for ``tarfile``, which stops before the end, and hashes all of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sum = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._sum.update(chunk)
        return chunk

    def finish(self) -> Digest:
        while self.read(CHUNK_BYTES):
            pass
        return Digest(self._sum.hexdigest())


def _unpack_members(source: _HashingReader, folder: Path) -> None:
    links: list[tuple[Path, str]] = []
    # A stream is only read from; typeshed asks for a whole file object.
    with tarfile.open(fileobj=source, mode="r|") as archive:  # type: ignore[call-overload]
        for member in archive:
            target = folder / _checked_name(member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.issym():
                links.append((target, member.linkname))
            elif member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse():
                _write_file(archive, member, target)
            else:
                raise ValueError(f"{member.name!r} is neither file, folder nor symlink")
    _make_links(links, folder)


def _checked_name(name: str) -> str:
    if "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(f"{name!r} is not a name inside a repo")
    return name


def _write_file(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = archive.extractfile(member)
    if content is None:  # only for what is not a regular file
        raise ValueError(f"{member.name!r} has no content")
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("xb") as stream:
        shutil.copyfileobj(content, stream, CHUNK_BYTES)
        os.fchmod(stream.fileno(), 0o755 if member.mode & 0o100 else 0o644)


def _make_links(links: list[tuple[Path, str]], folder: Path) -> None:
    # After every file, so that none is written through a link. And judged by where it really
    # leads: of a chain of links, each may look harmless by its text.
    inside = Path(os.path.realpath(folder))
    for link, text in links:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(text)
    for link, text in links:
        if Path(text).is_absolute() or not Path(os.path.realpath(link)).is_relative_to(inside):
            raise ValueError(f"the symlink {link.name!r} leads out of the repo, to {text!r}")
