"""What the publications of a mirror promise, and which of them cannot be believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hubmirror import layout
from hubmirror.errors import HubmirrorError, NotFoundError, VerificationError
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.records import BlobRef, Digest
from hubmirror.verify.findings import Fault, Finding
from hubmirror.writer_file import WriterFile


@dataclass(frozen=True, slots=True)
class Promises:
    """What should be there.

    Attributes:
        publications: Every kept publication that can be believed.
        closures: The blobs that each of these needs, as far as its catalog can be read.
        findings: What cannot be believed.
    """

    publications: dict[Digest, Publication]
    closures: dict[Digest, frozenset[BlobRef]]
    findings: tuple[Finding, ...]

    def blobs(self) -> frozenset[BlobRef]:
        """Return every blob that is promised."""
        return frozenset().union(*self.closures.values())


def read_promises(mirror: Mirror) -> Promises:
    """Read every publication that is kept, and its catalog."""
    kept = mirror.publications.kept()
    findings = [*_of_writer(mirror), *_of_current(mirror, kept)]
    publications: dict[Digest, Publication] = {}
    closures: dict[Digest, frozenset[BlobRef]] = {}
    for digest in kept:
        try:
            publications[digest] = mirror.publications.read(digest)
        except (HubmirrorError, OSError) as error:
            findings.append(_damaged(mirror.root / layout.publication(digest), digest, error))
            continue
        closures[digest] = publications[digest].own_blobs()
        try:
            closures[digest] = mirror.closure(digest)
        except (HubmirrorError, OSError) as error:
            catalog = publications[digest].catalog
            if mirror.blobs.has(catalog):  # otherwise its size is told like that of any blob
                path = mirror.blobs.path(catalog.digest)
                needed = (f"publication {digest.hex[:12]} (its catalog)",)
                findings.append(_damaged(path, catalog.digest, error, needed))
    return Promises(publications, closures, tuple(findings))


def who_needs(mirror: Mirror, promises: Promises, blob: BlobRef) -> tuple[str, ...]:
    """Name what relies on a blob: URLs and repos, or a publication whose own file it is."""
    found: dict[str, None] = {}
    for digest, closure in promises.closures.items():
        if blob not in closure:
            continue
        publication = promises.publications[digest]
        found |= dict.fromkeys(_names(mirror, digest, publication, blob))
    return tuple(found)


def _names(
    mirror: Mirror, digest: Digest, publication: Publication, blob: BlobRef
) -> Iterable[str]:
    short = f"publication {digest.hex[:12]}"
    if blob == publication.catalog:
        return [f"{short} (its catalog)"]
    if blob == publication.evidence:
        return [f"{short} (its evidence)"]
    return mirror.catalog(digest).needing(blob.digest)


def _damaged(
    path: Path, digest: Digest, error: HubmirrorError | OSError, needed_by: tuple[str, ...] = ()
) -> Finding:
    match error:
        case NotFoundError():
            fault = Fault.MISSING
        case OSError():
            fault = Fault.UNREADABLE
        case _:
            fault = Fault.CORRUPT
    text = error.message if isinstance(error, HubmirrorError) else str(error.strerror)
    return Finding(fault, str(path), text.removeprefix(f"{path}: "), digest, needed_by)


def _of_writer(mirror: Mirror) -> Iterator[Finding]:
    path = mirror.root / layout.WRITER
    try:
        WriterFile.read(mirror.root)
    except VerificationError as error:
        yield Finding(Fault.CORRUPT, str(path), error.message.removeprefix(f"{path}: "))
    except OSError as error:
        yield Finding(Fault.UNREADABLE, str(path), str(error.strerror))


def _of_current(mirror: Mirror, kept: list[Digest]) -> Iterator[Finding]:
    path = mirror.root / layout.CURRENT
    try:
        current = mirror.publications.current()
    except VerificationError as error:
        yield Finding(Fault.CORRUPT, str(path), error.message.removeprefix(f"{path}: "))
        return
    except OSError as error:
        yield Finding(Fault.UNREADABLE, str(path), str(error.strerror))
        return
    if current is None and kept:
        yield Finding(Fault.MISSING, str(path), "publications are there, but none is current")
    elif current and current not in kept:
        named = mirror.root / layout.publication(current)
        yield Finding(Fault.MISSING, str(named), f"{layout.CURRENT} names it", current)
