"""What is to be carried: a publication of the mirror."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubmirror.catalog import Catalog
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest


@dataclass(frozen=True, slots=True)
class Consignment:
    """A publication with all that it needs, wherever that lies.

    Attributes:
        publication: The mirror's own publication that it is, or was made from.
        content: The bytes of the publication that is carried.
        needed: Every blob that it needs.
        catalog: Its catalog, open.
        beside: Those of the blobs that no mirror has, each an open file.
    """

    publication: Digest
    content: bytes
    needed: frozenset[BlobRef]
    catalog: Catalog
    beside: Mapping[BlobRef, int] = field(default_factory=dict)

    @classmethod
    def of(cls, mirror: Mirror, publication: Digest) -> Consignment:
        """Take a whole publication.

        Raises:
            NotFoundError: when there is no such publication.
            VerificationError: when it, or its catalog, cannot be believed.
        """
        content = mirror.publications.read_bytes(publication)
        needed = mirror.closure(publication)
        return cls(publication, content, needed, mirror.catalog(publication))
