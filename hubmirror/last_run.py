"""What the last sync found, for whoever looks later: ``STATE/last-run.json``.

Owns: that file. Standard library only, so that ``status`` can read it where no sync can run.
Invariant: it is whole or not there; what a run did not look at (the units of other sources, the
time of the last check of URLs) it carries on from the run before. No address in it has a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from hubmirror import files
from hubmirror.findings import Finding, FindingKind
from hubmirror.layout import StateLayout
from hubmirror.specs import Drift

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunUnit:
    """A unit that has something to tell.

    Attributes:
        source: Its manifest's name.
        name: The repo, or the URL of a checkpoint that belongs to none, as it may be printed.
        failing_since: Since when it does not advance; empty where it does.
        failure: Why it does not.
        findings: What upstream did to it.
    """

    source: str
    name: str
    failing_since: str = ""
    failure: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class LastRun:
    """A sync that ended; times are UTC, ISO 8601.

    Attributes:
        started_at: When it began.
        ended_at: When it ended.
        exit_code: How.
        error: Why it ended before its time; empty where it did not.
        sources: The manifests that it was for.
        urls_checked_at: When URLs were last asked again; empty where they never were.
        units: Those that have something to tell, of every source.
    """

    started_at: str
    ended_at: str
    exit_code: int
    error: str = ""
    sources: tuple[str, ...] = ()
    urls_checked_at: str = ""
    units: tuple[RunUnit, ...] = ()

    def after(self, before: LastRun | None) -> LastRun:
        """Return this run with what only the one before knows.

        A run that ended before its time says nothing of any unit.
        """
        if before is None:
            return self
        looked_at = frozenset() if self.error else frozenset(self.sources)
        others = [one for one in before.units if one.source not in looked_at]
        known = {(one.source, one.name): one.failing_since for one in before.units}
        own = [_with_since(one, known) for one in self.units]
        return replace(
            self,
            urls_checked_at=self.urls_checked_at or before.urls_checked_at,
            units=tuple(sorted([*others, *own], key=lambda one: (one.source, one.name))),
        )


def write_last_run(state: StateLayout, run: LastRun) -> None:
    """Write down how a sync ended; what only the run before knows is carried on."""
    fields = {"format": _FORMAT, **asdict(run.after(read_last_run(state)))}
    content = json.dumps(fields, indent=1).encode() + b"\n"
    files.write(content, state.last_run, staging=state.root, modes=files.Modes())


def read_last_run(state: StateLayout) -> LastRun | None:
    """Return how the last sync ended; None where that is not known, or cannot be understood."""
    try:
        return _decode(json.loads(state.last_run.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _with_since(unit: RunUnit, known: Mapping[tuple[str, str], str]) -> RunUnit:
    since = known.get((unit.source, unit.name))
    return replace(unit, failing_since=since) if unit.failing_since and since else unit


def _decode(fields: Mapping[str, Any]) -> LastRun:
    return LastRun(
        started_at=str(fields["started_at"]),
        ended_at=str(fields["ended_at"]),
        exit_code=int(fields["exit_code"]),
        error=str(fields["error"]),
        sources=tuple(map(str, fields["sources"])),
        urls_checked_at=str(fields["urls_checked_at"]),
        units=tuple(map(_unit, fields["units"])),
    )


def _unit(fields: Mapping[str, Any]) -> RunUnit:
    return RunUnit(
        source=str(fields["source"]),
        name=str(fields["name"]),
        failing_since=str(fields["failing_since"]),
        failure=str(fields["failure"]),
        findings=tuple(_findings(fields["findings"])),
    )


def _findings(rows: Iterable[Mapping[str, Any]]) -> Iterable[Finding]:
    for row in rows:
        yield Finding(
            kind=FindingKind(row["kind"]),
            subject=str(row["subject"]),
            policy=Drift(row["policy"]),
            message=str(row["message"]),
            since=str(row["since"]),
            is_standing=bool(row["is_standing"]),
        )
