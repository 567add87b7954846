"""Brings the index in step with what is published: the index is a cache of that."""

from __future__ import annotations

import contextlib

from hubmirror import layout
from hubmirror.errors import NotFoundError, VerificationError
from hubmirror.index import Index
from hubmirror.mirror import Mirror
from hubmirror.records import Digest, Holdings


def catch_up(index: Index, mirror: Mirror) -> None:
    """Fill the index from what is published, unless it is in step with that.

    It is not when it was lost or damaged, when the mirror was imported, or when a run was
    killed between its index and its publication: what readers see decides.

    Raises:
        VerificationError: when that is an older publication because the current one is
            damaged: what other sources had since would be lost without a word.
    """
    followed = index.follows()
    with contextlib.suppress(VerificationError, NotFoundError):
        current = mirror.publications.current()
        if followed and followed == current:
            return
        if followed and current and _say_the_same(mirror, followed, current):
            index.follow(current)
            return
    serving = mirror.find_serving()
    if serving and not serving.is_current and mirror.publications.find_current():
        raise VerificationError(
            f"{mirror.root}: the current publication is damaged, and this state folder does not "
            f"know what it said; the newest sound one is sequence {serving.publication.sequence}",
            hint="bring back its files, or the state folder, from a copy; to go on from the older "
            f"one and lose what came after it, remove {mirror.root / layout.CURRENT}",
        )
    holdings = serving.catalog.holdings() if serving else Holdings()
    index.replace_all(holdings, serving.digest if serving else None)


def _say_the_same(mirror: Mirror, one: Digest, other: Digest) -> bool:
    """Tell whether two publications differ at most in what is known of them."""
    read = mirror.publications.read
    return read(one).content_digest == read(other).content_digest
