"""Views: snapshots unpacked where their code runs.

Owns: ``views/`` in the cache: ``views/<repo key>-<commit>/<owner_repo_ref>``, with a mark in it and
the tree under ``hub/<owner_repo_ref>``. Some hubconfs look for themselves under the name that
torch.hub would give them, so every asked name has its own view; the parent keeps ``a_b/c`` and
``a/b_c`` apart. A view is writable, for hubconfs write beside themselves, and what is ours lies
outside their folder.
Invariant: a name appears only when its view is whole; the mark was written last.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hubmirror import layout
from hubmirror.errors import StorageError
from hubmirror.hub.unpacking import unpack
from hubmirror.hub.verification import BytesAt
from hubmirror.records import BlobRef, Digest, RepoKey
from hubmirror.resolve import Resolved

_MARK = "whole"
_DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot as code sees it."""

    folder: Path
    resolved: Resolved

    @property
    def title(self) -> str:
        """The repo's name, as its manifest writes it."""
        return self.resolved.repo.title


class Views:
    """The views of one mirror's snapshots on this node; used from several threads at once."""

    def __init__(self, blobs: BytesAt, cache: Path) -> None:
        self._blobs = blobs
        self._cache = cache

    def open(self, resolved: Resolved) -> View:
        """Return the view of a snapshot, unpacked and hashed if it is not there yet.

        Raises:
            VerificationError: when the snapshot's bytes are not what its digest says.
            StorageError: when the cache cannot hold it.
        """
        name = _name(resolved)
        final = self._cache / "views" / view_parent(resolved.repo.key, resolved.ref.commit) / name
        if not _is_whole(final, resolved.snapshot.digest):
            blob = BlobRef(resolved.snapshot.digest, resolved.snapshot.size_bytes)
            path = self._blobs.check(blob, full=False)
            try:
                _make_whole(path, blob.digest, final)
            except OSError as error:
                raise StorageError(
                    f"{final}: cannot be unpacked: {error}",
                    hint="HUBMIRROR_CACHE names another folder for it",
                ) from error
        return View(final / "hub" / name, resolved)


def view_parent(key: RepoKey, commit: str) -> str:
    """Return the folder in `views/` that all views of a commit lie in."""
    return f"{layout.flat(key)}-{commit}"


def _name(resolved: Resolved) -> str:
    ref = resolved.spec.ref or resolved.ref.name
    return f"{resolved.spec.name}/{ref}".replace("/", "_")


def _is_whole(view: Path, digest: Digest) -> bool:
    try:
        return (view / _MARK).read_text() == digest.hex
    except (FileNotFoundError, NotADirectoryError):
        return False


def _make_whole(blob: Path, digest: Digest, final: Path) -> None:
    """Unpack a snapshot, hashed on the way, and give it its name in one step."""
    final.parent.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(prefix="new-", dir=final.parent))
    try:
        view = private / "view"
        tree = view / "hub" / final.name
        tree.mkdir(parents=True)
        unpack(blob, digest, tree)
        (view / _MARK).write_text(digest.hex)
        _settle(view, final, digest)
    finally:
        shutil.rmtree(private, ignore_errors=True)
        _clear(final.parents[1])


def _clear(views: Path) -> None:
    """Remove what processes that were killed have left; a day later nobody is at work on it."""
    for left in views.glob("*/new-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _DAY_S:
                shutil.rmtree(left, ignore_errors=True)


def _settle(view: Path, final: Path, digest: Digest) -> None:
    try:
        view.rename(final)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        if _is_whole(final, digest):  # another process was first, with the same bytes
            return
        final.rename(view.with_name("replaced"))
        view.rename(final)
