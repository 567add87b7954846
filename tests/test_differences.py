"""What changed between two publications."""

from __future__ import annotations

from dataclasses import replace

from hubmirror.differences import Difference, Kind, Subject, compare
from hubmirror.records import Holdings, RefKind, RefRow, UnitState
from tests.samples import OTHER_COMMIT, checkpoint, holdings, repo, unit

TITLE = "pytorch/vision"
ROW = unit().checkpoints[0]


def test_equal_holdings_differ_in_nothing() -> None:
    assert compare(holdings(), holdings()) == ()


def test_sources_and_units_are_one_difference_each_whatever_they_hold() -> None:
    found = compare(Holdings(), holdings(unit("a")))

    assert found == (
        Difference("a", "", Subject.SOURCE, "", Kind.ADDED),
        Difference("a", TITLE, Subject.UNIT, "", Kind.ADDED),
    )
    assert [one.kind for one in compare(holdings(unit("a")), Holdings())] == [Kind.REMOVED] * 2


def test_a_ref_that_moved_came_or_went_is_named_with_its_commits() -> None:
    branch, tag, _, main, _ = repo().refs
    moved = replace(tag, commit=OTHER_COMMIT)
    new = RefRow("v1", RefKind.TAG, OTHER_COMMIT)
    before = unit(repo=repo(refs=(branch, tag, main)))
    changed = unit(repo=repo(refs=(branch, moved, new)))

    found = compare(holdings(before), holdings(changed))

    assert [(one.name, one.kind) for one in found] == [
        ("refs/heads/main", Kind.REMOVED),
        ("refs/tags/both", Kind.CHANGED),
        ("refs/tags/v1", Kind.ADDED),
    ]
    assert (found[1].before, found[1].after) == (tag.commit, OTHER_COMMIT)


def test_bytes_that_changed_under_a_url_are_named_with_both_digests() -> None:
    other = checkpoint(ROW.url, b"other")

    (found,) = compare(holdings(unit()), holdings(unit(checkpoints=(other,))))

    assert (found.subject, found.name) == (Subject.CHECKPOINT, ROW.url)
    assert (found.before, found.after) == (ROW.digest.hex, other.digest.hex)


def test_a_unit_that_failed_is_a_change_of_state() -> None:
    stale = unit(state=UnitState.STALE, reason="gone")

    (found,) = compare(holdings(unit()), holdings(stale))

    assert (found.subject, found.before, found.after) == (Subject.STATE, "complete", "stale")
