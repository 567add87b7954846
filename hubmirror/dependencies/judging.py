"""Compares what repos need with what a node has. Pure: no files, no environment, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from hubmirror.dependencies.freeze import Freeze
from hubmirror.dependencies.gathering import Need
from hubmirror.distributions import normalized
from hubmirror.hubconf.imports import When

_LOWER_BOUNDS = (">=", ">", "~=", "==")


class Verdict(StrEnum):
    """What a node's packages are to a need; ``needed`` where no node was asked."""

    OK = "ok"
    MISSING = "missing"
    TOO_OLD = "too old"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"
    NEEDED = "needed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A need with what became of it.

    Attributes:
        need: What was needed.
        distribution: The one that is installed, or that would have to be; empty when not known.
        installed: Its version on the node; empty when it is not there, or does not tell.
        verdict: Whether it will do.
    """

    need: Need
    distribution: str
    installed: str
    verdict: Verdict

    @property
    def is_lacking(self) -> bool:
        """Whether the node cannot load the repo for it: what is optional may be absent."""
        bad = self.verdict in (Verdict.MISSING, Verdict.TOO_OLD, Verdict.EXCLUDED)
        return bad and self.need.when is not When.OPTIONAL


def judge(needs: Iterable[Need], freeze: Freeze | None) -> tuple[Judged, ...]:
    """Compare each need with what a node has; without a node say what is needed."""
    return tuple(_judge(need, freeze) for need in needs)


def _judge(need: Need, freeze: Freeze | None) -> Judged:
    usual = next(iter(need.distributions), "")
    if freeze is None:
        return Judged(need, usual, "", Verdict.NEEDED if usual else Verdict.UNKNOWN)
    # A distribution of the module's own name brings it as far as anybody can tell.
    candidates = need.distributions or (need.module,)
    present = next((name for name in candidates if normalized(name) in freeze.installed), None)
    if present is None:
        return Judged(need, usual, "", Verdict.MISSING if usual else Verdict.UNKNOWN)
    version = freeze.installed[normalized(present)]
    return Judged(need, present, str(version or ""), _compare(need.versions, version))


def _compare(wanted: SpecifierSet, version: Version | None) -> Verdict:
    if version is None:
        return Verdict.UNKNOWN if wanted else Verdict.OK
    if wanted.contains(version, prereleases=True):
        return Verdict.OK
    return (
        Verdict.TOO_OLD if any(version < least for least in _minimums(wanted)) else Verdict.EXCLUDED
    )


def _minimums(wanted: SpecifierSet) -> Iterable[Version]:
    for one in wanted:
        if one.operator in _LOWER_BOUNDS:
            try:
                yield Version(one.version.removesuffix(".*"))
            except InvalidVersion:
                continue
