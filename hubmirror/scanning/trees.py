"""Where a scan reads a repo: a folder, or the tar of a snapshot.

Invariant: nothing outside the repo is read, whatever its links say, and nothing that is no
plain file; what is too large is cut.
"""

from __future__ import annotations

import os
import posixpath
import stat
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hubmirror.errors import InvalidInputError, VerificationError
from hubmirror.hubconf.source import MAX_FILE_BYTES

_MOST_FILES = 50_000
_MOST_LINKS = 16
_SKIPPED = frozenset({".git", ".hg", ".tox", ".venv", "__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What a tree is of; empty where that is not known, as of a folder."""

    title: str = ""
    url: str = ""
    ref: str = ""
    commit: str = ""
    default_branch: str = ""


class Tree(Protocol):
    """The files of a repo."""

    @property
    def paths(self) -> Sequence[str]:
        """The POSIX paths of its files, sorted; submodules and links are among them."""

    @property
    def left_out(self) -> Sequence[tuple[str, str]]:
        """Paths that are not read, each with the reason."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, cut after a MiB; None when there is no such file."""


class FolderTree:
    """A folder on this machine, read in place.

    Raises:
        InvalidInputError: when it is no folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InvalidInputError(f"{folder}: no such folder")
        self._root = folder.resolve()
        self.left_out: list[tuple[str, str]] = []
        self.paths: list[str] = sorted(self._walk())

    def _walk(self) -> list[str]:
        found: list[str] = []
        for parent, folders, files in os.walk(self._root):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED)
            inner = Path(parent).relative_to(self._root).as_posix()
            found += [name if inner == "." else f"{inner}/{name}" for name in files]
            if len(found) > _MOST_FILES:
                self.left_out.append((inner, f"more than {_MOST_FILES:,} files"))
                break
        return found[:_MOST_FILES]

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, cut after a MiB; None when there is no such file."""
        try:
            real = (self._root / path).resolve()
            if not real.is_relative_to(self._root):
                self._leave_out(path, "a link that leads out of the repo")
                return None
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (OSError, ValueError, RuntimeError):
            return None
        with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return stream.read(MAX_FILE_BYTES + 1)

    def _leave_out(self, path: str, reason: str) -> None:
        if (path, reason) not in self.left_out:
            self.left_out.append((path, reason))


class TarTree:
    """A snapshot as hubmirror writes it; links in it are followed within it.

    Raises:
        VerificationError: when it is no such tar.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._archive = tarfile.open(path)  # noqa: SIM115 - read from until the scan is over
            members = self._archive.getmembers()
        except tarfile.TarError as error:
            raise VerificationError(f"{path}: not a snapshot: {error}") from error
        self._members = {member.name: member for member in members if not member.isdir()}
        self.left_out: list[tuple[str, str]] = []
        self.paths: list[str] = sorted(self._members)[:_MOST_FILES]

    def __enter__(self) -> TarTree:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, cut after a MiB; None when there is no such file."""
        member = self._members.get(self._resolved(path))
        stream = self._archive.extractfile(member) if member and member.isfile() else None
        return stream.read(MAX_FILE_BYTES + 1) if stream else None

    def _resolved(self, path: str) -> str:
        """Follow the links on the way to a path, and the one that it is."""
        for _ in range(_MOST_LINKS):
            parts = path.split("/")
            above = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
            link = next((one for one in above if self._is_link(one)), None)
            if link is None:
                return path
            target = posixpath.join(posixpath.dirname(link), self._members[link].linkname)
            path = posixpath.normpath(target + path.removeprefix(link))
        return path

    def _is_link(self, path: str) -> bool:
        return path in self._members and self._members[path].issym()
