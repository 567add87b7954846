"""What the file system under a folder can be trusted with: by its type, and by trying it.

Owns: the names of file systems. Knows nothing of mirrors. A file system that is shared by
hosts may pass every trial on one of them: only its type tells.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")
_PATIENCE_S = 2.0
_LOOK_AGAIN_S = 0.05

LOCAL = frozenset(
    ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "tmpfs", "xfs", "zfs")
)
NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs"),
        *("9p", "afs", "ocfs2", "gfs2", "orangefs", "wekafs"),
        *("fuse.sshfs", "fuse.s3fs", "fuse.glusterfs", "fuse.seaweedfs", "fuse.juicefs"),
    )
)


def kind_of(path: Path) -> str:
    """Return the type of the file system that holds a path, or nothing where that is unknown."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found, whole = (Path("/"), ""), path.resolve()
    for line in lines.splitlines():
        _, point, kind, *_ = line.split(" ")
        folder = Path(point.encode().decode("unicode_escape"))
        if whole.is_relative_to(folder) and len(folder.parts) >= len(found[0].parts):
            found = folder, kind
    return found[1]


def patiently(
    path: Path, look: Callable[[Path], _T], *, promised: bool, patience_s: float | None = None
) -> _T:
    """Look at a file that another host may have put there a moment ago.

    A network file system may not know a new name yet (ENOENT), or still the file that a rename
    took away (ESTALE). Reading the parent folder again makes it ask; for two seconds at most, and
    not at all where the file system is no such one.

    Args:
        path: The file.
        look: What is done with it; may be done more than once.
        promised: Whether it must be there, so that ENOENT may mean the same.
        patience_s: How long to go on; None asks the file system's type.

    Raises:
        OSError: as the last look had it.
    """
    passing = {errno.ESTALE, errno.ENOENT} if promised else {errno.ESTALE}
    until_s: float | None = None
    while True:
        try:
            return look(path)
        except OSError as error:
            if error.errno not in passing:
                raise
            if patience_s is None:
                patience_s = _PATIENCE_S if kind_of(path.parent) in NETWORK else 0
            until_s = until_s or time.monotonic() + patience_s
            if time.monotonic() >= until_s:
                raise
        _ask_again(path.parent)


def _ask_again(folder: Path) -> None:
    """Let the kernel forget what it believes of the names in a folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        next(entries, None)
    time.sleep(_LOOK_AGAIN_S)


def describe(kind: str) -> str:
    """Say in a sentence what is safe on a file system of this type."""
    if kind in LOCAL:
        return f"{kind}, local: readers are safe, and so is one writer at a time"
    if kind in NETWORK:
        return (
            f"{kind}, shared by hosts: readers are safe on all of them; writers on one host only, "
            "for locks are not relied on between hosts"
        )
    if kind.startswith("fuse"):
        return (
            f"{kind}: readers are safe; whether a writer is depends on its driver, so write "
            "from one host only, and only if the trial below went well"
        )
    return f"{kind or 'of an unknown type'}: readers are safe; write from one host only"


def probe(folder: Path) -> tuple[str, ...]:
    """Try what a writer relies on, with files of its own; name what this file system fails."""
    return run_trials(folder, TRIALS)


def run_trials(folder: Path, trials: Mapping[str, Callable[[Path], bool]]) -> tuple[str, ...]:
    """Run each trial on a new file; name those that fail, or that are refused."""
    failed: list[str] = []
    for name, is_kept in trials.items():
        descriptor, file = tempfile.mkstemp(prefix="new-", dir=folder)
        os.close(descriptor)
        path = Path(file)
        try:
            reason = "" if is_kept(path) else "is not kept"
        except OSError as error:
            reason = error.strerror or str(error)
        finally:
            for left in (path, _other(path)):
                left.unlink(missing_ok=True)
        if reason:
            failed.append(f"{name}: {reason}")
    return tuple(failed)


def _other(path: Path) -> Path:
    return path.with_name(f"{path.name}-2")


def _has_locks(path: Path) -> bool:
    """Whether a second descriptor sees the lock of a first."""
    with path.open("rb") as first, path.open("rb") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _renames_over(path: Path) -> bool:
    _other(path).write_bytes(b"new")
    _other(path).rename(path)
    return path.read_bytes() == b"new" and not _other(path).exists()


def _links_once(path: Path) -> bool:
    os.link(path, _other(path))
    try:
        os.link(path, _other(path))
    except FileExistsError:
        return path.stat().st_ino == _other(path).stat().st_ino
    return False


def _creates_once(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return True
    return False


TRIALS: Mapping[str, Callable[[Path], bool]] = {
    "locks (flock)": _has_locks,
    "replacing by rename": _renames_over,
    "hard links": _links_once,
    "creating only what is missing (O_EXCL)": _creates_once,
}
