"""A snapshot's files, read one by one out of its tar: nothing is unpacked."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubmirror.errors import VerificationError
from hubmirror.hubconf.source import Sources


@dataclass(frozen=True, slots=True)
class SnapshotFiles:
    """The names of a snapshot's files, and their contents while it is open."""

    names: tuple[str, ...]
    sources: Sources


@contextlib.contextmanager
def open_snapshot(tar: Path) -> Iterator[SnapshotFiles]:
    """Open the tar of a snapshot.

    Raises:
        VerificationError: when it is no tar.
    """
    try:
        archive = tarfile.open(tar)  # noqa: SIM115 - closed by the with below
    except tarfile.TarError as error:
        raise VerificationError(f"{tar}: not a snapshot: {error}") from error
    with archive:
        members = {member.name: member for member in archive if member.isfile()}

        def read(path: str) -> bytes | None:
            stream = archive.extractfile(members[path]) if path in members else None
            return stream.read() if stream else None

        yield SnapshotFiles(tuple(members), Sources(read))
