"""Whether a publication may follow what a mirror has published: rollback, fork, foreign origin.

Pure: it is handed what the mirror keeps, and touches no disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubmirror.errors import RefusedError
from hubmirror.publications import Publication
from hubmirror.records import Digest

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Kept:
    """What a mirror keeps.

    Attributes:
        current: The publication that readers see, None before the first one.
        publications: Every sound one, in any order.
    """

    current: Digest | None
    publications: Sequence[tuple[Digest, Publication]]

    def of_origin(self, origin: str) -> list[tuple[Digest, Publication]]:
        """Return those of one origin, the newest first."""
        own = (one for one in self.publications if one[1].origin == origin)
        return sorted(own, key=lambda one: one[1].sequence, reverse=True)

    def newest(self, origin: str) -> Publication | None:
        """Return the newest of one origin."""
        return next((publication for _, publication in self.of_origin(origin)), None)


def refuse_fork(kept: Kept, digest: Digest, wanted: Publication) -> None:
    """Refuse two publications of one origin and sequence: somebody wrote history twice.

    Raises:
        RefusedError: naming both.
    """
    for other, publication in kept.of_origin(wanted.origin):
        if publication.sequence == wanted.sequence and other != digest:
            raise RefusedError(
                f"fork: sequence {wanted.sequence} of origin {wanted.origin} is publication "
                f"{other.hex[:_SHOWN]} in this mirror and {digest.hex[:_SHOWN]} in the bundle",
                hint="two states of one connected host have published apart, say after a restore "
                "from a backup; decide there which one goes on, and start a new mirror here "
                "if it is the other",
            )


def refuse_foreign(kept: Kept, wanted: Publication) -> None:
    """Refuse the publication of an origin that the mirror does not follow.

    It follows the origin of what readers see. What was published here and only repeats a catalog
    of that origin, as a rollback or a new pin does, changes nothing about that.

    Raises:
        RefusedError: naming both origins.
    """
    known = dict(kept.publications)
    current = known.get(kept.current) if kept.current else None
    if current is None or current.origin == wanted.origin:
        return
    catalogs = {one.catalog for _, one in kept.of_origin(wanted.origin)}
    if current.catalog in catalogs:
        return
    raise RefusedError(
        f"another origin: this mirror publishes sequence {current.sequence} of origin "
        f"{current.origin}, the bundle is of origin {wanted.origin}",
        hint="a mirror follows one origin, and a view made with `export --repos` has one of its "
        "own: give this bundle a mirror of its own (--mirror DIR)",
    )


def refuse_older(kept: Kept, wanted: Publication, *, allow_rollback: bool) -> None:
    """Refuse what is older than what the mirror has seen of its origin.

    Raises:
        RefusedError: naming both sequences.
    """
    newest = kept.newest(wanted.origin)
    if newest is None or newest.sequence <= wanted.sequence or allow_rollback:
        return
    raise RefusedError(
        f"rollback: the bundle carries sequence {wanted.sequence} of {wanted.created_at}, this "
        f"mirror has sequence {newest.sequence} of {newest.created_at}",
        hint="an old medium, or an old bundle sent again; to go back all the same: "
        "--allow-rollback",
    )
