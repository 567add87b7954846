"""How a rehearsal is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How a rehearsal is run.

    Attributes:
        jobs: How many children run at once; each has a torch of its own in memory.
        timeout_s: When a child is killed.
        in_namespace: Whether there is no network at all, and everything else is read-only.
        again: Whether what is proved with this torch is loaded once more.
        notify: Told of each entrypoint that was loaded, in one line.
    """

    jobs: int = 2
    timeout_s: float = 600
    in_namespace: bool = False
    again: bool = False
    notify: Callable[[str], None] = lambda _: None
