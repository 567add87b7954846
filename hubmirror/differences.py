"""What changed between two publications, as a flat list that a person or a script can read.

Pure: rows in, differences out. A unit that is new or gone is one difference, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hubmirror.records import Holdings, RefKind, RefRow, Unit

_PREFIXES = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/"}


class Kind(StrEnum):
    """What became of a thing."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Subject(StrEnum):
    """What kind of thing it is."""

    SOURCE = "source"
    UNIT = "unit"
    STATE = "state"
    REF = "ref"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, order=True, slots=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        source: The source that it belongs to.
        unit: The repo as its manifest writes it, or the URL of a checkpoint that stands alone;
            empty for a source.
        subject: What kind of thing it is.
        name: The ref, such as ``refs/heads/main``, or the URL; empty for all others.
        kind: What became of it.
        before: The commit, sha256 or state; empty for what is new, and for sources and units.
        after: The same, empty for what is gone.
    """

    source: str
    unit: str
    subject: Subject
    name: str
    kind: Kind
    before: str = ""
    after: str = ""


def compare(before: Holdings, after: Holdings) -> tuple[Difference, ...]:
    """Return all that changed, by source, unit and name."""
    had, has = ({one.name for one in holdings.sources} for holdings in (before, after))
    found = [Difference(name, "", Subject.SOURCE, "", Kind.REMOVED) for name in had - has]
    found += [Difference(name, "", Subject.SOURCE, "", Kind.ADDED) for name in has - had]
    old, new = _by_name(before), _by_name(after)
    for key in old.keys() | new.keys():
        one, other = old.get(key), new.get(key)
        if one and other:
            found += _compare_units(one, other)
        elif one:
            found.append(Difference(one.source, _title(one), Subject.UNIT, "", Kind.REMOVED))
        elif other:
            found.append(Difference(other.source, _title(other), Subject.UNIT, "", Kind.ADDED))
    return tuple(sorted(found))


def _by_name(holdings: Holdings) -> Mapping[tuple[str, str], Unit]:
    return {(unit.source, unit.name): unit for unit in holdings.units}


def _title(unit: Unit) -> str:
    return unit.repo.title if unit.repo else unit.name


def _compare_units(one: Unit, other: Unit) -> Iterator[Difference]:
    if one == other:
        return
    yield from _compare(other, Subject.STATE, {"": str(one.state)}, {"": str(other.state)})
    yield from _compare(other, Subject.REF, _refs(one), _refs(other))
    yield from _compare(other, Subject.CHECKPOINT, _checkpoints(one), _checkpoints(other))


def _refs(unit: Unit) -> Mapping[str, str]:
    return {_full(ref): ref.commit for ref in unit.repo.refs} if unit.repo else {}


def _full(ref: RefRow) -> str:
    """Return a ref's name as it means one thing, for a branch and a tag may share the short one."""
    prefix = _PREFIXES.get(ref.kind, "")
    return ref.name if ref.name.startswith(prefix) else prefix + ref.name


def _checkpoints(unit: Unit) -> Mapping[str, str]:
    return {row.url: row.digest.hex for row in unit.checkpoints}


def _compare(
    unit: Unit, subject: Subject, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Difference]:
    for name in before.keys() | after.keys():
        old, new = before.get(name, ""), after.get(name, "")
        if old != new:
            kind = Kind.REMOVED if not new else Kind.CHANGED if old else Kind.ADDED
            yield Difference(unit.source, _title(unit), subject, name, kind, old, new)
