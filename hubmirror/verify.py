"""Hashes what a mirror holds and compares it with what its publications promise.

Reads only; needs no network and no lock, and may run while a sync is at work.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hubmirror import layout
from hubmirror.errors import HubmirrorError, VerificationError
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What ``verify`` found.

    Attributes:
        checked: How many blobs were hashed.
        size_bytes: The sum of their sizes.
        faults: One line for each publication or blob that is missing or damaged.
        unreferenced: Blobs that no kept publication names; harmless.
        leftovers: Files of an interrupted writer; the next sync removes them.
    """

    checked: int
    size_bytes: int
    faults: tuple[str, ...]
    unreferenced: tuple[Digest, ...]
    leftovers: tuple[str, ...]


def _faults_of_current(mirror: Mirror, kept: list[Digest]) -> list[str]:
    try:
        current = mirror.publications.current()
    except VerificationError as error:
        return [error.message]
    if current is None:
        return [f"{mirror.root / layout.CURRENT}: missing, publications are there"] if kept else []
    if current not in kept:
        return [f"{mirror.root / layout.publication(current)}: missing, {layout.CURRENT} names it"]
    return []


def verify(mirror: Mirror, *, jobs: int = 2) -> VerifyReport:
    """Check every publication that is kept, its catalog, and every blob that they name."""
    faults: list[str] = []
    wanted: set[BlobRef] = set()
    kept = mirror.publications.kept()
    faults += _faults_of_current(mirror, kept)
    for digest in kept:
        try:
            publication = mirror.publications.read(digest)
            wanted |= publication.own_blobs()
            wanted |= mirror.closure(digest)
        except HubmirrorError as error:
            faults.append(error.message)

    def check(blob: BlobRef) -> str:
        try:
            mirror.blobs.check(blob, full=True)
        except VerificationError as error:
            return error.message
        except OSError as error:
            return f"{mirror.blobs.path(blob.digest)}: {error.strerror}"
        return ""

    ordered = sorted(wanted)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        faults += filter(None, pool.map(check, ordered))
    named = {blob.digest for blob in ordered}
    return VerifyReport(
        checked=len(ordered),
        size_bytes=sum(blob.size_bytes for blob in ordered),
        faults=tuple(dict.fromkeys(faults)),
        unreferenced=tuple(digest for digest in mirror.blobs.held() if digest not in named),
        leftovers=tuple(mirror.leftovers()),
    )
