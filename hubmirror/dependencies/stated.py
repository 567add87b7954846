"""Reads which versions of which distributions the packaging files of a repo ask for.

Knows nothing of imports. Nothing here raises: what is no requirement is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubmirror.distributions import normalized
from hubmirror.hubconf.requirements import PLAIN, packaging_files
from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.specifiers import may_hold

_TORCH = "torch"


@dataclass(frozen=True, slots=True)
class Stated:
    """The versions of a distribution that a repo asks for, and the packaging file that says so."""

    versions: SpecifierSet
    file: str


ANY = Stated(SpecifierSet(), "")
"""What a repo says of a distribution that none of its packaging files names."""


def read_stated(sources: Sources, requires_torch: str) -> Mapping[str, Stated]:
    """Return what packaging files say of each distribution, by its normalized name.

    Of several files the first that names one decides. Of torch it is the oldest version that
    was found at sync: an exact pin of it is meant as a minimum.
    """
    stated: dict[str, Stated] = {}
    for file, packaging in packaging_files(sources).items():
        of_file: dict[str, SpecifierSet] = {}
        for text in packaging.requirements:
            if requirement := _requirement(text):
                name = normalized(requirement.name)
                versions = requirement.specifier
                of_file[name] = of_file.get(name, SpecifierSet()) & (
                    _as_minimum(versions) if file == PLAIN else versions
                )
        stated = {name: Stated(versions, file) for name, versions in of_file.items()} | stated
    if requires_torch:
        at_least = SpecifierSet(f">={requires_torch}")
        stated[_TORCH] = Stated(at_least, stated.get(_TORCH, ANY).file)
    return stated


def _requirement(text: str) -> Requirement | None:
    """Read a requirement; one whose marker cannot hold on an offline node is none."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return requirement if may_hold(str(requirement.marker or "")) else None


def _as_minimum(versions: SpecifierSet) -> SpecifierSet:
    """Take an exact pin for a minimum: it is what one person ran, not what the code needs."""
    loose = (
        f">={one.version.removesuffix('.*').partition('+')[0]}"
        if one.operator in ("==", "===")
        else str(one)
        for one in versions
    )
    try:
        return SpecifierSet(",".join(loose))
    except InvalidSpecifier:
        return SpecifierSet()
