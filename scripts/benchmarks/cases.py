"""What is measured: a piece of work, who does it, and what is aimed at. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

Run = Callable[[Path], float]
"""Does the work once in a fresh, empty folder; gives what it took in the case's unit."""


class Unit(StrEnum):
    """What a run gives; less is better."""

    SECONDS = "s"
    MEBIBYTES = "MiB"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a piece of work: ours, or a peer's.

    Attributes:
        target: For a peer: ours is to be at least so many times as good. None for a peer
            that is shown and not aimed at.
        lacks: Why it cannot run here; it is named in the table then, never dropped.
    """

    name: str
    run: Run
    target: float | None = None
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A piece of work that ours and its peers do in turn.

    Attributes:
        work: The title of its rows.
        timed: What is inside the timing, for whoever doubts a figure.
        is_cost: Whether ratios read better as "so many times the peer's time".
        most_rounds: A limit for work that takes long, or whose figure hardly varies.
        warms_up: Whether a round that does not count goes first.
    """

    work: str
    timed: str
    ours: Contender
    peers: tuple[Contender, ...]
    unit: Unit = Unit.SECONDS
    is_cost: bool = False
    most_rounds: int | None = None
    warms_up: bool = False


def constant(name: str, value: float, target: float = 1.0) -> Contender:
    """Return a peer that is a limit: a figure which ours is to stay under."""
    return Contender(name, lambda _: value, target)
