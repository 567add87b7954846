"""The steps of ``verify``: what is promised, what is there, what its bytes are."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from hubmirror import layout
from hubmirror.errors import VerificationError
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest
from hubmirror.verify.ahead import Ahead
from hubmirror.verify.findings import Fault, Finding, VerifyReport
from hubmirror.verify.memory import Memory
from hubmirror.verify.promises import Promises, read_promises, who_needs
from hubmirror.verify.reading import Read, hash_files
from hubmirror.verify.selecting import Depth, select

_FULL = Depth()
_NOTE_EVERY_S = 10.0
_PASSING = frozenset({errno.ENOENT, errno.ESTALE})  # on a network file system


def verify(
    mirror: Mirror,
    *,
    depth: Depth = _FULL,
    jobs: int = 2,
    most_s: float = float("inf"),
    memory: Memory | None = None,
) -> VerifyReport:
    """Check every publication that is kept, its catalog, and every blob that they name.

    Args:
        mirror: What is verified.
        depth: How much of it is read; presence and size are looked at always.
        jobs: How many files are hashed at once.
        most_s: Begin to read no further file after so many seconds.
        memory: Remembers when each blob was read, so that a share of them every night sees all.
    """
    until_s = time.monotonic() + most_s
    is_whole = depth == _FULL and until_s == float("inf")
    paths = [entry.path for entry in mirror.blobs.entries()] if is_whole else []
    with Ahead(paths, min(jobs, os.cpu_count() or 1)) as ahead:
        promises = read_promises(mirror)
        wanted = promises.blobs()
        there = _there(mirror, wanted)
        told = {found.digest for found in promises.findings if found.digest}
        readable = there.difference(digest.hex for digest in told)
        unread = [blob for blob in wanted if blob.digest.hex in readable]
        findings = {blob: _missing(mirror, blob) for blob in wanted if blob.digest.hex not in there}
        unnamed = there.difference(blob.digest.hex for blob in wanted)
        size_bytes = sum(blob.size_bytes for blob in wanted)
        hashed, left = _part(unread, ahead.finish())
    chosen = select(left, depth, memory.read_at() if memory else None, time.time())
    notes = _Notes(memory)
    notes.add(hashed)
    for batch in hash_files(chosen, _path_in(mirror), jobs=jobs, until_s=until_s):
        faults = {one.blob: found for one in batch.wrong if (found := _judge(mirror, one))}
        findings |= faults
        hashed += batch.blobs
        notes.add(blob for blob in batch.blobs if blob not in faults)
    if len(hashed) < len(unread):
        read = {blob.digest.hex for blob in hashed}
        rest = (blob for blob in unread if blob.digest.hex not in read)
        findings |= _compare_sizes(mirror, rest)
    oldest = notes.finish(wanted, told | {blob.digest for blob in findings})
    return VerifyReport(
        checked=len(wanted),
        size_bytes=size_bytes,
        hashed=len(hashed),
        hashed_bytes=sum(blob.size_bytes for blob in hashed),
        findings=(*promises.findings, *_told(mirror, promises, findings)),
        unreferenced=tuple(map(Digest, sorted(unnamed))),
        leftovers=tuple(mirror.leftovers()),
        oldest_read_at=oldest,
    )


def _path_in(mirror: Mirror) -> Callable[[BlobRef], str]:
    """Return what says where a blob is: of a hundred thousand, so no Path for each."""
    root = f"{mirror.root}/"
    return lambda blob: root + layout.blob(blob.digest)


def _part(unread: list[BlobRef], sound: frozenset[str]) -> tuple[list[BlobRef], list[BlobRef]]:
    """Part blobs into those that were found sound, and those that are still to be read."""
    if not sound:
        return [], unread
    hashed = [blob for blob in unread if blob.digest.hex in sound]
    if len(hashed) == len(unread):
        return hashed, []
    return hashed, [blob for blob in unread if blob.digest.hex not in sound]


def _there(mirror: Mirror, wanted: Iterable[BlobRef]) -> frozenset[str]:
    """Return the names of all blobs that are there.

    Where one is missing it is asked for by its name, and the rest is listed again: a network
    file system may show names late that another host has given.
    """
    there = frozenset(entry.name for entry in mirror.blobs.entries())
    gone = next((blob for blob in wanted if blob.digest.hex not in there), None)
    if gone is None:
        return there
    with contextlib.suppress(VerificationError, OSError):
        mirror.blobs.check(gone, full=False)
    return frozenset(entry.name for entry in mirror.blobs.entries())


def _missing(mirror: Mirror, blob: BlobRef) -> Finding:
    path = str(mirror.blobs.path(blob.digest))
    return Finding(Fault.MISSING, path, f"expected {blob.size_bytes:,} bytes", blob.digest)


def _compare_sizes(mirror: Mirror, blobs: Iterable[BlobRef]) -> Mapping[BlobRef, Finding]:
    found: dict[BlobRef, Finding] = {}
    path_of = _path_in(mirror)
    for blob in blobs:
        path = path_of(blob)
        try:
            size = os.stat(path).st_size  # noqa: PTH116 - of a hundred thousand
        except OSError as error:
            found[blob] = _unreadable(path, blob.digest, error.errno or errno.EIO)
            continue
        if size != blob.size_bytes:
            found[blob] = _of_other_size(path, blob, size)
    return found


def _judge(mirror: Mirror, read: Read) -> Finding | None:
    blob = read.blob
    path = str(mirror.blobs.path(blob.digest))
    if read.error in _PASSING:
        with contextlib.suppress(VerificationError, OSError):
            mirror.blobs.check(blob, full=True)
            return None
    if read.error:
        return _unreadable(path, blob.digest, read.error)
    if read.size_bytes != blob.size_bytes:
        return _of_other_size(path, blob, read.size_bytes)
    detail = f"expected sha256 {blob.digest}, got {read.hex}"
    return Finding(Fault.CORRUPT, path, detail, blob.digest)


def _unreadable(path: str, digest: Digest, number: int) -> Finding:
    fault = Fault.MISSING if number == errno.ENOENT else Fault.UNREADABLE
    return Finding(fault, path, os.strerror(number), digest)


def _of_other_size(path: str, blob: BlobRef, size: int) -> Finding:
    fault = Fault.TRUNCATED if size < blob.size_bytes else Fault.CORRUPT
    detail = f"expected {blob.size_bytes:,} bytes, got {size:,}"
    return Finding(fault, path, detail, blob.digest)


def _told(
    mirror: Mirror, promises: Promises, findings: Mapping[BlobRef, Finding]
) -> Iterator[Finding]:
    """Add who relies on what is not sound."""
    for blob, found in sorted(findings.items()):
        needed = who_needs(mirror, promises, blob)
        yield Finding(found.fault, found.path, found.detail, found.digest, needed)


class _Notes:
    """Keeps what was read in memory's file now and then, so that a killed run counts as well."""

    def __init__(self, memory: Memory | None) -> None:
        self._memory = memory
        self._sound: list[Digest] = []
        self._written_s = time.monotonic()

    def add(self, sound: Iterable[BlobRef]) -> None:
        if not self._memory:
            return
        self._sound += (blob.digest for blob in sound)
        if time.monotonic() - self._written_s > _NOTE_EVERY_S:
            self._write(())

    def finish(self, wanted: Iterable[BlobRef], bad: Iterable[Digest]) -> int | None:
        """Write the rest, and say when the blob was read that was not for longest."""
        self._write(bad)
        if not self._memory:
            return None
        held = {blob.digest for blob in wanted}
        with contextlib.suppress(sqlite3.Error):
            self._memory.forget_all_but(held)
        read_at = self._memory.read_at()
        if not held or not held <= read_at.keys():
            return None
        return min(read_at[digest] for digest in held)

    def _write(self, bad: Iterable[Digest]) -> None:
        if self._memory:
            with contextlib.suppress(sqlite3.Error):  # a cache: the disk may be full
                self._memory.note(self._sound, bad, int(time.time()))
        self._sound.clear()
        self._written_s = time.monotonic()
