"""Ways in which hubmirror could be wrong, to show that the tests of this folder would see it.

Each leaves out one step that makes something durable, or swaps two; in the process of a victim,
which ends soon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hubmirror import files, publish
from hubmirror.publications import Publications


def _no_fsync_of_files() -> None:
    """Bytes get their name before they are on the disk."""

    def only_mode(path: Path, mode: int) -> None:
        path.chmod(mode)

    files._make_durable = only_mode


def _no_fsync_of_folders() -> None:
    """Names are given, and nobody makes sure of them."""

    def none(path: Path) -> None:
        """Do nothing."""

    files.sync_folder = none


def _no_syncfs() -> None:
    """Many files get their names without a flush before and after."""

    def nothing(path: Path) -> None:
        """Do nothing."""

    files._sync_file_system = nothing


def _current_before_its_publication() -> None:
    """Readers are told of a publication that is not there yet."""
    add, make_current = Publications.add, Publications.make_current
    waiting: list[Callable[[], Any]] = []

    def later(self: Publications, publication: Any, modes: Any) -> Any:
        from hubmirror.records import Digest

        waiting.append(lambda: add(self, publication, modes))
        return Digest.of(publication.encode())

    def now(self: Publications, digest: Any, sequence: int, modes: Any) -> None:
        make_current(self, digest, sequence, modes)
        waiting.pop()()

    Publications.add = later  # type: ignore[method-assign]
    Publications.make_current = now  # type: ignore[method-assign]


def _a_name_without_staging() -> None:
    """``current.json`` is written in place."""

    def in_place(content: bytes, final: Path, **_: Any) -> None:
        with final.open("wb") as stream:
            stream.write(content)

    files.write = in_place


def _publish_before_the_blobs() -> None:
    """Readers are shown a publication whose blobs come after it."""
    publish._refuse_missing_bytes = lambda *_: None
    from hubmirror.sync.driver import _Run
    from hubmirror.sync.landing import Landing

    place, published = Landing.place, _Run._publish
    waiting: list[Callable[[], Any]] = []

    def later(self: Landing, arrived: Any) -> None:
        waiting.append(lambda: place(self, arrived))

    def now(self: _Run, after: Any, proofs: Any) -> Any:
        done = published(self, after, proofs)
        waiting.pop()()
        return done

    Landing.place = later  # type: ignore[assignment,method-assign]
    _Run._publish = now  # type: ignore[method-assign]


ALL: Mapping[str, Callable[[], None]] = {
    "no fsync of files": _no_fsync_of_files,
    "no fsync of folders": _no_fsync_of_folders,
    "no syncfs": _no_syncfs,
    "current before its publication": _current_before_its_publication,
    "current written in place": _a_name_without_staging,
    "publish before the blobs": _publish_before_the_blobs,
}
