"""What a sync did, as a value that a person, a monitor or a test can read."""

from __future__ import annotations

from dataclasses import dataclass

from hubmirror.differences import Difference
from hubmirror.errors import ExitCode, HubmirrorError, RefusedError, UpstreamError
from hubmirror.findings import CheckedUrls, Finding
from hubmirror.publish import Published
from hubmirror.records import UnitState


@dataclass(frozen=True, slots=True)
class UnitReport:
    """One unit of one source.

    Attributes:
        made: Refs of which a snapshot was made.
        fetched: URLs whose bytes were fetched.
        fetched_bytes: The sum of their sizes.
        failure: Why it did not advance; None when it did.
        warnings: What its owner should know although it did.
        findings: What upstream did to it.
        drift_held: True when upstream changed something and its policy holds that back.
        has_asked: False when all that it needs was known, so that no upstream was asked.
    """

    source: str
    name: str
    state: UnitState
    made: tuple[str, ...] = ()
    fetched: tuple[str, ...] = ()
    fetched_bytes: int = 0
    failure: HubmirrorError | None = None
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    drift_held: bool = False
    has_asked: bool = True


@dataclass(frozen=True, slots=True)
class SyncReport:
    """A whole run.

    Attributes:
        units: Every unit of every source of the run.
        published: The new publication; None when readers see all of it already.
        locks: The locks that were written.
        held: True when publishing is on hold, so that what was fetched waits.
        dropped: What the manifests had and want no longer.
        checked: What came of asking URLs again; None where that was not wanted.
    """

    units: tuple[UnitReport, ...]
    published: Published | None
    locks: tuple[str, ...] = ()
    held: bool = False
    dropped: tuple[Difference, ...] = ()
    checked: CheckedUrls | None = None

    def failed(self) -> tuple[UnitReport, ...]:
        """Return the units that did not advance."""
        return tuple(unit for unit in self.units if unit.state is not UnitState.COMPLETE)

    def is_idle(self) -> bool:
        """Tell whether there was nothing to do."""
        return not (self.published or self.failed() or any(u.made or u.fetched for u in self.units))

    def exit_code(self) -> ExitCode:
        """Return what a monitor is told; partial success is not success."""
        failures = [unit.failure for unit in self.failed()]
        refused = any(isinstance(failure, RefusedError) for failure in failures)
        if self.held or refused or any(unit.drift_held for unit in self.units):
            return ExitCode.REFUSED
        if self.is_cut_off():
            return ExitCode.UPSTREAM
        if failures:
            return ExitCode.INCOMPLETE
        is_unanswered = self.checked and self.checked.unanswered and not self.checked.seen
        return ExitCode.UPSTREAM if is_unanswered else ExitCode.OK

    def is_cut_off(self) -> bool:
        """Tell whether upstreams were asked, and not one of them answered."""
        asked = [unit for unit in self.units if unit.has_asked]
        return bool(asked) and all(is_unreachable(unit.failure) for unit in asked)


def is_unreachable(failure: HubmirrorError | None) -> bool:
    """Tell a network that is down from an upstream that said no."""
    return isinstance(failure, UpstreamError) and failure.unreachable
