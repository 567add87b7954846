"""Which faults lie on which path, and how often each may still bite.

Owns: the counters. Knows nothing of what a fault does.
Invariant: over all threads a fault bites exactly as often as it says, in order of arrival.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tests.upstream.faults import Fault

FaultT = TypeVar("FaultT", bound=Fault)


class Armed:
    """One fault on one path, with its counter."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._lock = threading.Lock()
        self._chances = 0

    def bites(self) -> bool:
        """Count one chance to misbehave; true if the fault takes it."""
        with self._lock:
            self._chances += 1
            taken = self._chances - self.fault.after
        return taken > 0 and (self.fault.times is None or taken <= self.fault.times)


class FaultSet:
    """The faults that lie on one path."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.armed = tuple(Armed(fault) for fault in faults)

    def biting(self, kind: type[FaultT]) -> FaultT | None:
        """The first fault of this kind that bites now, counting the chance of each before it."""
        for fault, armed in self.of(kind):
            if armed.bites():
                return fault
        return None

    def of(self, kind: type[FaultT]) -> Iterator[tuple[FaultT, Armed]]:
        """The faults of this kind, uncounted."""
        for armed in self.armed:
            if isinstance(armed.fault, kind):
                yield armed.fault, armed
