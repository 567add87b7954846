"""Which publications a rule keeps, and when the others go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hubmirror.lifecycle.keeping import Fate, PrunePlan, Rule, Stored, judge, plan_blobs
from hubmirror.publications import Counts, Publication
from hubmirror.records import BlobRef, Digest

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
History = list[tuple[Digest, Publication]]


def digest(text: str) -> Digest:
    return Digest.of(text.encode())


def history(*contents: str, days_apart: float = 1) -> History:
    """Return publications of these contents, the newest first, the newest of them now."""
    found: History = []
    for age, content in enumerate(contents):
        made = (NOW - age * days_apart * DAY).isoformat(timespec="seconds")
        sequence = len(contents) - age
        one = Publication(
            "origin",
            sequence,
            None,
            BlobRef(digest(content), 1),
            digest(content),
            made,
            "hubmirror test",
            Counts(0, 0, 1, 1),
        )
        found.append((digest(f"publication {sequence}"), one))
    return found


def fates(
    found: History,
    rule: Rule,
    *,
    reasons: dict[Digest, str] | None = None,
    retired: dict[Digest, str] | None = None,
) -> list[Fate]:
    current = {found[0][0]: "current"}
    judged = judge(found, current | (reasons or {}), retired or {}, rule, NOW)
    return [one.fate for one in judged]


def test_the_newest_of_so_many_contents_stay() -> None:
    found = fates(history("d", "c", "b", "a"), Rule(publications=2, days=0))

    assert found == [Fate.KEEP, Fate.KEEP, Fate.RETIRE, Fate.RETIRE]


def test_a_publication_that_only_repeats_a_content_takes_no_place() -> None:
    found = fates(history("b", "b", "b", "a"), Rule(publications=2, days=0))

    assert found == [Fate.KEEP, Fate.RETIRE, Fate.RETIRE, Fate.KEEP]


def test_what_is_young_stays_however_many_there_are() -> None:
    found = fates(history("d", "c", "b", "a"), Rule(publications=1, days=2.5))

    assert found == [Fate.KEEP, Fate.KEEP, Fate.KEEP, Fate.RETIRE]


def test_what_has_a_reason_stays_whatever_the_rule_says() -> None:
    found = history("c", "b", "a")

    assert fates(found, Rule(1, 0), reasons={found[2][0]: "pinned"})[2] is Fate.KEEP


def test_a_retired_publication_goes_after_the_grace_and_not_before() -> None:
    found = history("c", "b", "a")
    long_ago, lately = (NOW - days * DAY for days in (15, 13))
    retired = {found[1][0]: lately.isoformat(), found[2][0]: long_ago.isoformat()}

    assert fates(found, Rule(1, 0), retired=retired) == [Fate.KEEP, Fate.RETIRED, Fate.REMOVE]


def test_the_grace_counts_from_when_it_was_retired_not_from_when_it_was_made() -> None:
    found = fates(history("b", "a", days_apart=400), Rule(1, 0))

    assert found == [Fate.KEEP, Fate.RETIRE]


def test_without_a_grace_it_goes_at_once() -> None:
    assert fates(history("b", "a"), Rule(1, 0, reader_grace_s=0)) == [Fate.KEEP, Fate.REMOVE]


def test_a_clock_that_went_back_removes_nothing() -> None:
    found = history("b", "a")
    retired = {found[1][0]: (NOW + DAY).isoformat()}

    assert fates(found, Rule(1, 0), retired=retired) == [Fate.KEEP, Fate.RETIRED]


def test_blobs_that_nothing_names_go_when_they_are_old_enough() -> None:
    old, young, named = (
        Stored(digest(name), 1, (NOW - age * DAY).timestamp())
        for name, age in (("old", 15), ("young", 13), ("named", 15))
    )

    found = plan_blobs([old, young, named], {named.digest}, Rule(), NOW, are_awaited=False)

    assert found == ((old,), (young,))


def test_blobs_that_came_to_be_published_wait_however_old_they_are() -> None:
    old = Stored(digest("old"), 1, (NOW - 99 * DAY).timestamp())

    assert plan_blobs([old], (), Rule(), NOW, are_awaited=True) == ((), (old,))


def test_a_plan_of_what_stays_is_empty() -> None:
    judged = judge(history("a"), {}, {}, Rule(), NOW)

    assert PrunePlan(judged).is_empty()
