"""What is to be carried: a publication of the mirror, or a view of one with some repos only.

A view is a publication of its own, with a catalog that no mirror has until it is imported: it
never becomes the mirror's own. Its origin follows from the mirror's and from what was asked for,
so the views of later publications follow each other on the far side as the publications do here.
Invariant: a view holds whatever its repos were seen to need.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror.blobs import hash_file
from hubmirror.carry.choosing import choose
from hubmirror.catalog import Catalog
from hubmirror.catalog.writer import content_digest, write_catalog
from hubmirror.evidence import Evidence
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.publish import count
from hubmirror.records import BlobRef, Digest, Holdings


@dataclass(frozen=True, slots=True)
class Consignment:
    """A publication with all that it needs, wherever that lies.

    Attributes:
        publication: The mirror's own publication that it is, or was made from.
        content: The bytes of the publication that is carried.
        needed: Every blob that it needs.
        catalog: Its catalog, open.
        evidence: What is known of it beside its content.
        beside: Those of the blobs that no mirror has, each an open file.
    """

    publication: Digest
    content: bytes
    needed: frozenset[BlobRef]
    catalog: Catalog
    evidence: Evidence = field(default_factory=Evidence)
    beside: Mapping[BlobRef, int] = field(default_factory=dict)

    @property
    def digest(self) -> Digest:
        """The name of the publication that is carried."""
        return Digest.of(self.content)


@contextlib.contextmanager
def consign(mirror: Mirror, publication: Digest, repos: Sequence[str]) -> Iterator[Consignment]:
    """Take a publication, or a view of it with the repos that fit these globs.

    Raises:
        NotFoundError: when there is no such publication, or a glob fits no repo in it.
        VerificationError: when it, or its catalog, cannot be believed.
    """
    serving = mirror.serving(publication)
    evidence = mirror.evidence(serving.publication)
    if repos:
        holdings = choose(serving.catalog, repos)
        with _view(serving.publication, holdings, evidence, repos) as (view, catalog, beside):
            yield Consignment(
                publication=publication,
                content=view.encode(),
                needed=frozenset(beside) | catalog.blobs(),
                catalog=catalog,
                evidence=_narrowed(evidence, holdings),
                beside=beside,
            )
    else:
        yield Consignment(
            publication=publication,
            content=mirror.publications.read_bytes(publication),
            needed=mirror.closure(publication),
            catalog=serving.catalog,
            evidence=evidence,
        )


@contextlib.contextmanager
def _view(
    publication: Publication, holdings: Holdings, evidence: Evidence, repos: Sequence[str]
) -> Iterator[tuple[Publication, Catalog, Mapping[BlobRef, int]]]:
    """Make a view, of which nothing is left on the disk even now: its files are open only."""
    with contextlib.ExitStack() as stack:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "catalog"
            path.touch()
            write_catalog(path, holdings)
            catalog_blob, descriptor = stack.enter_context(_opened(path))
            beside = {catalog_blob: descriptor}
            catalog = stack.enter_context(Catalog.open(path))
            evidence_blob = None
            known = _narrowed(evidence, holdings)
            if not known.is_empty():
                path = Path(folder) / "evidence"
                path.write_bytes(known.encode())
                evidence_blob, descriptor = stack.enter_context(_opened(path))
                beside[evidence_blob] = descriptor
        view = dataclasses.replace(
            publication,
            origin=str(uuid.uuid5(uuid.UUID(publication.origin), "\n".join(sorted(set(repos))))),
            previous=None,
            catalog=catalog_blob,
            content_digest=content_digest(holdings),
            counts=count(holdings),
            evidence=evidence_blob,
        )
        yield view, catalog, beside


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BlobRef, int]]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield BlobRef(hash_file(path), path.stat().st_size), descriptor
    finally:
        os.close(descriptor)


def _narrowed(evidence: Evidence, holdings: Holdings) -> Evidence:
    """Return what is known of these units; pins name publications that do not go along."""
    units = {(unit.source, unit.name) for unit in holdings.units}
    digests = {blob.digest for blob in holdings.blobs()}
    return Evidence(
        proofs=tuple(one for one in evidence.proofs if (one.source, one.unit) in units),
        quarantine=tuple(one for one in evidence.quarantine if one.digest in digests),
    )
