"""How a mirror is: all that ``hubmirror status`` says, and a monitor is told.

Reads the mirror and, where this host has it, the writer's state; changes nothing. Standard
library only.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hubmirror.evidence import Evidence
from hubmirror.findings import Finding
from hubmirror.last_run import LastRun, read_last_run
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror, Serving
from hubmirror.proofs import State, standings
from hubmirror.records import Unit
from hubmirror.settings import Settings
from hubmirror.state import find_state, last_success


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a mirror now.

    Attributes:
        serving: What its readers are served.
        units: How many units there are of each state.
        failing: Those that are not whole.
        entrypoints: How many declared ones are proved, failed and unproved.
        last_success_at: When a sync last ended with 0; empty where this host does not know.
        last_run: The last sync that ended, however; None where this host does not know.
        age_s: How long ago the last success was, or else the publication.
        is_held: True when publishing is on hold.
        free_bytes: What the mirror's disk has left.
        state_free_bytes: What the disk of the state has left; None where it is not here.
    """

    mirror: Mirror
    serving: Serving
    units: Mapping[str, int]
    failing: Sequence[Unit]
    entrypoints: Mapping[str, int]
    last_success_at: str
    last_run: LastRun | None
    age_s: int
    is_held: bool
    free_bytes: int
    state_free_bytes: int | None

    def findings(self) -> Iterator[tuple[str, str, Finding]]:
        """Go through what upstream did, with source and unit, as the last syncs saw it."""
        for unit in self.last_run.units if self.last_run else ():
            for finding in unit.findings:
                yield unit.source, unit.name, finding

    def failing_since(self, unit: Unit) -> str:
        """Say since when a unit is not whole; empty where that is not known."""
        name = unit.repo.title if unit.repo else unit.name
        told = self.last_run.units if self.last_run else ()
        fits = (one.failing_since for one in told if (one.source, one.name) == (unit.source, name))
        return next(fits, "")


def look(mirror: Mirror, settings: Settings) -> Health:
    """Look at a mirror as it is now.

    Raises:
        NotFoundError: before the first publication.
        VerificationError: when what is published cannot be believed.
    """
    serving = mirror.serving()
    catalog = serving.catalog
    state = find_state(settings, mirror.id)
    succeeded = last_success(state) if state else ""
    fresh_at = succeeded or serving.publication.created_at
    age = datetime.now(UTC) - datetime.fromisoformat(fresh_at)
    return Health(
        mirror=mirror,
        serving=serving,
        units=catalog.count_units(),
        failing=catalog.failing_units(),
        entrypoints=_entrypoints(serving, mirror.evidence(serving.publication)),
        last_success_at=succeeded,
        last_run=read_last_run(state) if state else None,
        age_s=int(age.total_seconds()),
        is_held=mirror.publications.is_held(),
        free_bytes=shutil.disk_usage(mirror.root).free,
        state_free_bytes=_free_bytes(state),
    )


def _free_bytes(state: StateLayout | None) -> int | None:
    return shutil.disk_usage(state.root).free if state else None


def _entrypoints(serving: Serving, evidence: Evidence) -> Mapping[str, int]:
    catalog = serving.catalog
    found = Counter(one.state for one in standings(catalog, evidence, catalog.declaring_units()))
    return {state.value: found[state] for state in State}
