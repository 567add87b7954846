"""Which publication may follow which: rollback, fork, foreign origin."""

from __future__ import annotations

import pytest

from hubmirror.carry.succession import Kept, refuse_foreign, refuse_fork, refuse_older
from hubmirror.errors import RefusedError
from hubmirror.publications import Counts, Publication
from hubmirror.records import BlobRef, Digest

OURS = "5f0c2a9e-0000-4000-8000-00000000abcd"
OTHER = "77777777-0000-4000-8000-00000000abcd"
LOCAL = "11111111-0000-4000-8000-00000000abcd"


def publication(sequence: int, origin: str = OURS, catalog: str = "") -> Publication:
    content = (catalog or f"{origin} {sequence}").encode()
    return Publication(
        origin=origin,
        sequence=sequence,
        previous=None,
        catalog=BlobRef(Digest.of(content), len(content)),
        content_digest=Digest.of(content),
        created_at=f"2026-01-{sequence:02d}T00:00:00+00:00",
        tool="tests",
        counts=Counts(0, 0, 0, 0),
    )


def digest(one: Publication) -> Digest:
    return Digest.of(one.encode())


def kept(*publications: Publication) -> Kept:
    """What a mirror keeps; the last one is current."""
    pairs = [(digest(one), one) for one in publications]
    return Kept(pairs[-1][0] if pairs else None, pairs)


def check(there: Kept, wanted: Publication, *, allow_rollback: bool = False) -> None:
    refuse_fork(there, digest(wanted), wanted)
    refuse_foreign(there, wanted)
    refuse_older(there, wanted, allow_rollback=allow_rollback)


def test_the_first_publication_of_any_origin_may_come() -> None:
    check(kept(), publication(7))


@pytest.mark.parametrize("sequence", [2, 3, 9])
def test_the_same_and_newer_ones_may_follow(sequence: int) -> None:
    check(kept(publication(1), publication(2)), publication(sequence))


def test_an_older_one_is_a_rollback_with_both_sequences_and_dates() -> None:
    with pytest.raises(RefusedError, match=r"sequence 1 of 2026-01-01.*sequence 5 of 2026-01-05"):
        check(kept(publication(5)), publication(1))

    check(kept(publication(5)), publication(1), allow_rollback=True)


def test_what_was_seen_counts_also_after_a_rollback() -> None:
    with pytest.raises(RefusedError, match="rollback"):
        check(kept(publication(5), publication(3)), publication(4))


@pytest.mark.parametrize("allow_rollback", [False, True])
def test_another_publication_of_a_sequence_is_a_fork_whatever_is_allowed(
    allow_rollback: bool,
) -> None:
    there = kept(publication(4), publication(5))

    with pytest.raises(RefusedError, match="fork: sequence 4"):
        check(there, publication(4, catalog="rewritten"), allow_rollback=allow_rollback)


def test_another_origin_is_refused_with_what_to_do() -> None:
    with pytest.raises(RefusedError, match=OTHER) as caught:
        check(kept(publication(2)), publication(3, origin=OTHER))

    assert "--mirror DIR" in caught.value.hint


def test_what_this_mirror_made_of_what_it_followed_is_no_other_origin() -> None:
    rolled_back = publication(6, origin=LOCAL, catalog=f"{OURS} 4")

    check(kept(publication(4), publication(5), rolled_back), publication(6))


def test_what_this_mirror_published_itself_is_not_lost() -> None:
    synced = publication(6, origin=LOCAL)

    with pytest.raises(RefusedError, match="another origin"):
        check(kept(publication(5), synced), publication(6))
