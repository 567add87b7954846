"""Decides what a prune does; does nothing.

Pure: values in, a plan out. No clock, disk or log. A publication beyond the rule is first
retired, so that readers have time to go on from it, and removed by a later prune.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from hubmirror.publications import Publication
from hubmirror.records import Digest


@dataclass(frozen=True, slots=True)
class Rule:
    """What a mirror keeps.

    Attributes:
        publications: How many of different content, the newest first; at least one.
        days: Also all that are no older; 0 for none.
        reader_grace_s: How long readers of a retired publication may go on.
        export_grace_s: How long an export waits for its receipt.
    """

    publications: int = 3
    days: float = 30
    reader_grace_s: float = 14 * 86400
    export_grace_s: float = 90 * 86400


class Fate(StrEnum):
    """What a prune does with a publication."""

    KEEP = "keep"
    RETIRE = "retire"
    RETIRED = "retired"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Judged:
    """A publication, what becomes of it, and why; ``since`` is when it was, or is, retired."""

    digest: Digest
    publication: Publication
    fate: Fate
    reason: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob as it lies there; ``changed_at`` is when it got its name, in seconds."""

    digest: Digest
    size_bytes: int
    changed_at: float


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What a prune does.

    Attributes:
        publications: Every publication, in the order of the history.
        blobs: What no remaining publication needs any more.
        waiting: The same, but not for long enough: a killed or held run may go on with it.
        leftovers: Names in ``.incoming/`` that no run goes on with.
    """

    publications: tuple[Judged, ...]
    blobs: tuple[Stored, ...] = ()
    waiting: tuple[Stored, ...] = ()
    leftovers: tuple[str, ...] = ()

    def fated(self, fate: Fate) -> tuple[Judged, ...]:
        """Return the publications that meet with this."""
        return tuple(one for one in self.publications if one.fate is fate)

    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        is_all_kept = not (self.fated(Fate.RETIRE) or self.fated(Fate.REMOVE))
        return is_all_kept and not (self.blobs or self.leftovers)


def judge(
    history: Sequence[tuple[Digest, Publication]],
    reasons: Mapping[Digest, str],
    retired: Mapping[Digest, str],
    rule: Rule,
    now: datetime,
) -> tuple[Judged, ...]:
    """Say what becomes of each publication.

    Args:
        history: All of them, the newest first.
        reasons: Why some stay whatever the rule says.
        retired: When the others were retired, in UTC and ISO 8601.
        rule: What is kept.
        now: The time.
    """
    contents: list[Digest] = []
    judged: list[Judged] = []
    for digest, publication in history:
        is_repeated = publication.content_digest in contents
        if not is_repeated:
            contents.append(publication.content_digest)
        reason = reasons.get(digest, "")
        if not reason and not is_repeated and len(contents) <= rule.publications:
            reason = f"one of the {rule.publications} newest" if rule.publications > 1 else "newest"
        if not reason and rule.days and _age(publication.created_at, now).days < rule.days:
            reason = f"younger than {rule.days:g} days"
        if reason:
            judged.append(Judged(digest, publication, Fate.KEEP, reason))
        else:
            judged.append(_let_go(digest, publication, retired.get(digest, ""), rule, now))
    return tuple(judged)


def _let_go(
    digest: Digest, publication: Publication, since: str, rule: Rule, now: datetime
) -> Judged:
    is_new = not since
    since = since or now.isoformat(timespec="seconds")
    grace = timedelta(seconds=rule.reader_grace_s)
    until = (datetime.fromisoformat(since) + grace).isoformat(timespec="minutes")
    if rule.reader_grace_s <= 0 or (not is_new and _age(since, now) >= grace):
        return Judged(digest, publication, Fate.REMOVE, f"retired since {since}", since)
    fate = Fate.RETIRE if is_new else Fate.RETIRED
    return Judged(digest, publication, fate, f"readers may go on until {until}", since)


def plan_blobs(
    stored: Iterable[Stored],
    named: Container[Digest],
    rule: Rule,
    now: datetime,
    *,
    are_awaited: bool,
) -> tuple[tuple[Stored, ...], tuple[Stored, ...]]:
    """Part the blobs that nothing names into those that go, and those that wait.

    All of them wait while ``are_awaited``: publishing is on hold, or a bundle is not whole yet,
    so they came to be published.
    """
    unnamed = [one for one in stored if one.digest not in named]
    latest = now.timestamp() - rule.reader_grace_s
    goes = [one for one in unnamed if one.changed_at <= latest and not are_awaited]
    gone = set(goes)
    return tuple(goes), tuple(one for one in unnamed if one not in gone)


def _age(since: str, now: datetime) -> timedelta:
    at = datetime.fromisoformat(since)
    return now - (at if at.tzinfo else at.replace(tzinfo=UTC))
