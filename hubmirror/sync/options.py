"""How a sync is run."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hubmirror.mirror import Mirror
from hubmirror.proofs import Judgement
from hubmirror.records import Holdings
from hubmirror.writer import Turn

_TURN = Turn("sync")


class Mode(StrEnum):
    """How far a sync may go from its lock.

    ``FOLLOW``: branches follow upstream. ``LOCKED``: the lock decides, missing bytes are
    fetched. ``FROZEN``: the lock decides, and nothing is asked of any network.
    """

    FOLLOW = "follow"
    LOCKED = "locked"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Options:
    """How a sync is run.

    Attributes:
        mode: How far it may go from its locks.
        lock_dir: Where locks are kept; None for beside each manifest.
        check_urls: Whether URLs are asked again whose bytes are held.
        judge: Says which units must not be published as they are; None lets all of them.
        notify: Told of each thing that is done, in one line.
        turn: How it asks for its turn among the writers.
    """

    mode: Mode = Mode.FOLLOW
    lock_dir: Path | None = None
    check_urls: bool = False
    judge: Callable[[Mirror, Holdings, Collection[str]], Judgement] | None = None
    notify: Callable[[str], None] = lambda _: None
    turn: Turn = _TURN
