"""Writes down how a sync ended, for ``hubmirror status``, also when it ended before its time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from hubmirror import urls
from hubmirror.errors import ExitCode, HubmirrorError
from hubmirror.last_run import LastRun, RunUnit, write_last_run
from hubmirror.layout import StateLayout
from hubmirror.sync.report import SyncReport, UnitReport


class Record:
    """What is known of a run so far; its owner hands in the report."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = tuple(sources)
        self._started_at = _now()
        self.report: SyncReport | None = None

    def ended(self, exit_code: ExitCode, error: str) -> LastRun:
        """Return the run as it ended now."""
        report, now = self.report, _now()
        told = report.units if report else ()
        return LastRun(
            started_at=self._started_at,
            ended_at=now,
            exit_code=int(exit_code),
            error=error,
            sources=self._sources,
            urls_checked_at=now if report and report.checked else "",
            units=tuple(_unit(one, now) for one in told if one.failure or one.findings),
        )


@contextlib.contextmanager
def recording(state: StateLayout, sources: Sequence[str]) -> Iterator[Record]:
    """Write down how what is done inside ends."""
    record = Record(sources)
    try:
        yield record
    except HubmirrorError as error:
        _record_failure(state, record.ended(error.exit_code, error.message))
        raise
    except KeyboardInterrupt:
        _record_failure(state, record.ended(ExitCode.INTERRUPTED, "interrupted"))
        raise
    except OSError as error:
        _record_failure(state, record.ended(ExitCode.STORAGE, error.strerror or str(error)))
        raise
    else:
        code = record.report.exit_code() if record.report else ExitCode.OK
        write_last_run(state, record.ended(code, ""))


def _record_failure(state: StateLayout, run: LastRun) -> None:
    with contextlib.suppress(OSError):  # the failure itself says more than that this failed too
        write_last_run(state, run)


def _unit(report: UnitReport, now: str) -> RunUnit:
    return RunUnit(
        source=report.source,
        name=urls.redact(report.name),
        failing_since=now if report.failure else "",
        failure=report.failure.message if report.failure else "",
        findings=report.findings,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
