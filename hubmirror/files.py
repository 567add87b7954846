"""Durable writes: the only place where bytes get a final name.

Owns: staging, fsync, rename, permissions, the writer's lock. Knows nothing of blobs or
publications. Invariant: a name appears only after its bytes, and the folders that lead to
it, are on the disk; a failed fsync discards the file and is never tried on it again.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from hubmirror.errors import LockedError

CHUNK_BYTES = 256 * 1024

_WORTH_SHARING = 8
_LOOK_AGAIN_S = 0.1
_SYNC_FILE_RANGE_WRITE = 2
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Modes:
    """Permissions of what a mirror holds; given by settings, never by the umask."""

    file: int = 0o644
    folder: int = 0o755
    blob: int = 0o444


def ensure_folder(path: Path, mode: int) -> None:
    """Make a folder and its missing parents, durably and with these permissions."""
    if path.is_dir():
        return
    ensure_folder(path.parent, mode)
    if _make_folder(path, mode):
        sync_folder(path.parent)


def _make_folder(path: Path, mode: int) -> bool:
    """Make a folder, not durably yet; say False where it is there already."""
    try:
        path.mkdir()
    except FileExistsError:
        return False
    path.chmod(mode)
    return True


def sync_file(stream: IO[bytes]) -> None:
    """Make written bytes durable under the name that the file has now."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Give a private file in ``folder`` to write to; it is gone afterwards unless placed."""
    descriptor, name = tempfile.mkstemp(prefix="new-", dir=folder)
    path = Path(name)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
            yield stream, path
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def place(path: Path, final: Path, *, mode: int, folder_mode: int) -> None:
    """Give written bytes their final name: fsync, rename, fsync of the folder.

    Renames even where the name exists: for a blob it is the same content, and locks cannot
    be trusted on every network file system.
    """
    _make_durable(path, mode)
    ensure_folder(final.parent, folder_mode)
    path.rename(final)
    sync_folder(final.parent)


def place_new(path: Path, final: Path, *, mode: int, folder_mode: int) -> bool:
    """Like ``place``, but say False and change nothing where the name is taken."""
    _make_durable(path, mode)
    ensure_folder(final.parent, folder_mode)
    try:
        os.link(path, final)
    except FileExistsError:
        return False
    path.unlink()
    sync_folder(final.parent)
    return True


def _make_durable(path: Path, mode: int) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def place_all(pairs: Mapping[Path, Path], *, mode: int, folder_mode: int) -> None:
    """Like ``place`` for many files, which share two flushes of their file system.

    The first comes before the first name: bytes, and folders that are new. The second comes
    after the last: they may be in 256 folders, and a flush of each would take far longer.
    """
    if len(pairs) < _WORTH_SHARING:
        for path, final in pairs.items():
            place(path, final, mode=mode, folder_mode=folder_mode)
        return
    for path in pairs:
        path.chmod(mode)
    folders = {final.parent for final in pairs.values()}
    for folder in folders:
        ensure_folder(folder.parent, folder_mode)
        _make_folder(folder, folder_mode)
    try:
        _sync_file_system(next(iter(folders)))
    except OSError:
        for path in pairs:
            path.unlink(missing_ok=True)
        raise
    for path, final in pairs.items():
        path.rename(final)
    _sync_file_system(next(iter(folders)))


def _sync_file_system(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def start_writing_out(descriptor: int, offset: int, size_bytes: int) -> None:
    """Ask the kernel to begin writing a span to the disk, so that a later fsync is short."""
    _libc.sync_file_range(
        descriptor, ctypes.c_int64(offset), ctypes.c_int64(size_bytes), _SYNC_FILE_RANGE_WRITE
    )


def move(path: Path, final: Path) -> None:
    """Rename a file, or copy it where that is another file system; not durable yet."""
    try:
        path.rename(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with staged(final.parent) as (stream, copy):
            shutil.copyfile(path, copy)  # inside the kernel
            stream.flush()
            copy.rename(final)
        path.unlink()


def write(content: bytes, final: Path, *, staging: Path, modes: Modes) -> None:
    """Put a small file in place, or replace it, in one step that no reader sees half of."""
    with staged(staging) as (stream, path):
        stream.write(content)
        stream.flush()
        place(path, final, mode=modes.file, folder_mode=modes.folder)


def check_room(folder: Path, needed_bytes: int) -> None:
    """Refuse before writing what cannot fit.

    Raises:
        OSError: ENOSPC with both figures.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        message = f"no space left: {needed_bytes:,} bytes are needed, {free:,} are free"
        raise OSError(errno.ENOSPC, message, str(folder))


def remove(paths: Iterable[Path]) -> None:
    """Take files away for good: once this returns, no crash brings one of them back."""
    folders = set[Path]()
    for path in paths:
        path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in sorted(folders):
        sync_folder(folder)


def append(line: bytes, path: Path) -> None:
    """Add a line to a file, durably; a line that a crash tore before it stays one of its own."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (b"\n" if is_torn else b"") + line + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def exclusive(path: Path, verb: str = "", *, wait_s: float = 0) -> Iterator[None]:
    """Hold a lock that dies with this process.

    A kernel lock, not a lock file that a crash would leave behind. The file says who holds
    it and for what ``verb``, for the message that a second writer prints.

    Raises:
        LockedError: when another process holds it for longer than ``wait_s``; names host, pid,
            since when and what for.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _lock(descriptor, path, wait_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _holder_text(verb), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left_s = deadline - time.monotonic()
        if left_s <= 0:
            hint = "wait for it to end, then run this again"
            raise LockedError(f"{path}: held by {_holder(path)}", hint=hint)
        time.sleep(min(left_s, _LOOK_AGAIN_S))


def _holder_text(verb: str) -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": since, "verb": verb}
    return json.dumps(holder).encode()


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_bytes())
        doing = f", {holder['verb']}" if holder.get("verb") else ""
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}{doing}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return "another process"
