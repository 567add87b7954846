"""The room that downloads take: where bytes are partial, and whether what comes will fit.

Owns: the state folder's ``partial/`` as a whole. Knows nothing of manifests or of hosts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from pathlib import Path

from hubmirror import files, urls
from hubmirror.records import Digest
from hubmirror.upstream.http import discard

_MARGIN_BYTES = 64 * 1024 * 1024
_KEPT_S = 14 * 24 * 3600


class Room:
    """The disks that a download fills: where it is partial, and the mirror's."""

    def __init__(self, partials: Path, mirror: Path) -> None:
        self.partials = partials
        self._used_up: set[Path] = set()
        self._mirror = mirror
        self._disks = {folder.stat().st_dev: folder for folder in (mirror, partials)}

    def partial(self, address: str) -> Path:
        """Return where the bytes of an address are partial; without what changes in its query."""
        return self.partials / Digest.of(urls.canonical(address).encode()).hex

    def check(self, size_bytes: int) -> None:
        """Refuse what cannot fit, with a margin.

        Raises:
            OSError: ENOSPC with both figures.
        """
        for folder in self._disks.values():
            files.check_room(folder, size_bytes + _MARGIN_BYTES)

    def holds(self, size_bytes: int) -> bool:
        """Tell whether so much fits, with a margin."""
        try:
            self.check(size_bytes)
        except OSError:
            return False
        return True

    def check_all(self, sizes: Mapping[Path, int], *, at_once: int) -> None:
        """Refuse files that cannot fit together, less what is there of them.

        Where partial files have a disk of their own it holds a few at a time, for those that
        are complete move to the mirror's.

        Args:
            sizes: In bytes, by where each file is partial.
            at_once: How many come in at a time.

        Raises:
            OSError: ENOSPC with both figures.
        """
        missing = [max(size - _held_bytes(path), 0) for path, size in sizes.items()]
        needed = {self.partials: sum(missing)}
        if len(self._disks) > 1:
            together = sum(heapq.nlargest(at_once, missing))
            needed = {self.partials: together, self._mirror: sum(sizes.values())}
        for folder, size_bytes in needed.items():
            if size_bytes:
                files.check_room(folder, size_bytes + _MARGIN_BYTES)

    def use_up(self, paths: Iterable[Path]) -> None:
        """Let go of files here once the run has kept what was made of them."""
        self._used_up.update(paths)

    def clear(self, now: float) -> None:
        """Remove what was used up, and partial files that no run went on with for two weeks."""
        for path in self._used_up:
            discard(path)
        for path in self.partials.iterdir():
            if now - path.stat().st_mtime > _KEPT_S:
                path.unlink(missing_ok=True)


def _held_bytes(path: Path) -> int:
    return path.stat().st_blocks * 512 if path.exists() else 0
