"""Finds the modules of a repo as Python would, had the repo been put on its path.

Owns: the search path. Knows nothing of what modules hold.
Invariant: only POSIX paths inside the repo are asked for, and such as a file system takes.
"""

from __future__ import annotations

import posixpath

from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.values import Imported, Module

_MAX_FOLDERS = 16
_MAX_NAME_BYTES = 240  # with its suffix, what a file system takes


class Finder:
    """The search path of one repo: its root, and the folders that its code adds."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._folders = [""]

    def search(self, folder: str, *, first: bool) -> None:
        """Add a folder of the repo; one outside of it, or one too many, is passed over."""
        path = posixpath.normpath(folder.lstrip("/") or ".")
        is_new = path not in ("..", ".", *self._folders)
        if is_new and _is_askable(path) and len(self._folders) < _MAX_FOLDERS:
            self._folders.insert(0 if first else len(self._folders), path)

    def find(self, imported: Imported, module: str) -> Module | None:
        """Return a module by its dotted name, as seen from where the import stands."""
        inner = module.replace(".", "/")
        if not imported.level:
            places = (self.at(posixpath.join(base, inner)) for base in self._folders)
            return next((place for place in places if place is not None), None)
        folder = posixpath.dirname(imported.file)
        for _ in range(imported.level - 1):
            if not folder:
                return None
            folder = posixpath.dirname(folder)
        return self.at(posixpath.join(folder, inner).rstrip("/"))

    def at(self, folder: str) -> Module | None:
        """Return the package or module at a path without its suffix; a package goes first."""
        if not folder:
            return Module("", "")
        if not _is_askable(folder):
            return None
        for file in (f"{folder}/__init__.py", f"{folder}.py"):
            if self._sources.content(file) is not None:
                return Module(folder, file)
        return None


def _is_askable(path: str) -> bool:
    return path.isprintable() and all(
        part not in ("", ".", "..") and len(part.encode()) <= _MAX_NAME_BYTES
        for part in path.split("/")
    )
