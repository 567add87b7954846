"""What was measured, and what follows from it: medians, paired ratios, verdicts.

Pure but for ``load`` and ``save``. Invariant: the n-th value of every contender of a case is
from the same round, so that a ratio compares what ran under the same load.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from scripts.benchmarks.cases import Unit

FAILED = "failed: "
"""How what a contender lacks begins when it was run and did not do the work."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one contender took, round by round.

    Attributes:
        target: How many times as good ours is to be; None for ours, and without an aim.
        lacks: Why there are no values.
    """

    name: str
    values: tuple[float, ...]
    target: float | None = None
    lacks: str = ""

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as good ours was: the median over the rounds, and the extremes."""

    median: float
    least: float
    most: float


class Verdict(StrEnum):
    """What became of an aim."""

    MET = "met"
    BEHIND = "behind"
    NONE = ""
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Result:
    """A case that was measured."""

    work: str
    timed: str
    unit: Unit
    is_cost: bool
    ours: Measured
    peers: tuple[Measured, ...]

    @property
    def has_failed(self) -> bool:
        """Whether ours was run and did not do the work."""
        return self.ours.lacks.startswith(FAILED)


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """A suite that was run.

    Attributes:
        about: The machine, the versions, the load, by name.
    """

    suite: str
    is_quick: bool
    about: Mapping[str, str]
    results: tuple[Result, ...]


def paired(ours: Sequence[float], peer: Sequence[float]) -> Ratio | None:
    """Compare two contenders round by round; None when they share no round."""
    if not ours or not peer:
        return None
    ratios = [theirs / own for own, theirs in zip(ours, peer, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def judge(ours: Measured, peer: Measured) -> Verdict:
    """Say whether the aim against a peer was met."""
    ratio = paired(ours.values, peer.values)
    if peer.target is None:
        return Verdict.NONE
    if ratio is None:
        return Verdict.UNKNOWN
    return Verdict.MET if ratio.median >= peer.target else Verdict.BEHIND


def save(result: SuiteResult, path: Path) -> None:
    """Write a suite's result as JSON."""
    path.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> SuiteResult:
    """Read what ``save`` wrote."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    results = tuple(_result(one) for one in fields["results"])
    return SuiteResult(fields["suite"], fields["is_quick"], fields["about"], results)


def _result(fields: Mapping[str, Any]) -> Result:
    return Result(
        fields["work"],
        fields["timed"],
        Unit(fields["unit"]),
        fields["is_cost"],
        _measured(fields["ours"]),
        tuple(_measured(one) for one in fields["peers"]),
    )


def _measured(fields: Mapping[str, Any]) -> Measured:
    return Measured(fields["name"], tuple(fields["values"]), fields["target"], fields["lacks"])
