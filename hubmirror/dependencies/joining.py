"""Joins what several repos say of one distribution's versions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

_LEAST = ">="
_BELOW = "<"


def joined(stated: Iterable[SpecifierSet]) -> SpecifierSet | None:
    """Return the versions that satisfy all of these, in the shortest words; None when none can."""
    every = SpecifierSet()
    for one in stated:
        every &= one
    if any(one.operator == "===" for one in every):
        return every  # such a version may be no number, and is what somebody insists on
    if every and not any(every.contains(version, prereleases=True) for version in _samples(every)):
        return None
    least = [one for one in every if one.operator == _LEAST]
    below = [one for one in every if one.operator == _BELOW]
    rest = [one for one in every if one not in (*least, *below)]
    kept = [*rest, *sorted(least, key=_version)[-1:], *sorted(below, key=_version)[:1]]
    return SpecifierSet(",".join(map(str, kept)))


def _samples(versions: SpecifierSet) -> Iterator[Version]:
    """Return versions of which one satisfies the specifiers if any does: their ends, and beyond."""
    yield from (Version("0"), Version("99999"))
    for one in versions:
        end = _version(one)
        yield end
        yield Version(f"{end.base_version}.0.1")
        yield Version(f"{end.base_version}.dev0")


def _version(one: Specifier) -> Version:
    return Version(one.version.removesuffix(".*"))
