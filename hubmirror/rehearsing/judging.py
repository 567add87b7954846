"""What ``sync --rehearse`` asks: may these holdings be published?"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hubmirror.blobs import hash_file
from hubmirror.catalog import Catalog
from hubmirror.catalog.writer import write_catalog
from hubmirror.errors import RefusedError
from hubmirror.evidence import Evidence, Proof
from hubmirror.mirror import Mirror
from hubmirror.proofs import Judgement, State, holding
from hubmirror.records import Holdings, Unit, UnitState
from hubmirror.rehearsing.driver import sandboxes
from hubmirror.rehearsing.options import Options
from hubmirror.rehearsing.rehearsal import Rehearsal, find_runtime
from hubmirror.rehearsing.report import Outcome, describe
from hubmirror.rehearsing.staging import Candidate, Stage
from hubmirror.settings import Settings


class Judge:
    """Rehearses candidates of one sync; what one round proved spares the next one a load."""

    def __init__(self, settings: Settings, options: Options) -> None:
        """Make a judge.

        Raises:
            MissingDependencyError: when torch is not installed here: before anything is fetched.
        """
        self._settings = settings
        self._options = options
        self._runtime = find_runtime()
        self._known: Evidence | None = None
        self._proofs: list[Proof] = []

    def __call__(self, mirror: Mirror, holdings: Holdings, sources: Collection[str]) -> Judgement:
        """Load what the units of these sources declare, from a catalog that nobody reads yet.

        A unit that does not advance is not judged: it serves what it did.
        """
        if self._known is None:
            serving = mirror.find_serving()
            self._known = mirror.evidence(serving.publication) if serving else Evidence()
        with tempfile.TemporaryDirectory(prefix="hubmirror-") as folder:
            path = Path(folder) / "catalog.db"
            write_catalog(path, holdings)
            with Catalog.open(path) as catalog:
                candidate = Candidate(mirror.root, path, hash_file(path))
                units = [
                    unit
                    for unit in catalog.declaring_units()
                    if unit.source in sources and unit.state is UnitState.COMPLETE
                ]
                outcomes = self._rehearse(catalog, candidate, units)
                self._proofs += [one.standing.proof for one in outcomes if one.standing.proof]
                proofs = holding(catalog, (*self._known.proofs, *self._proofs))
        return Judgement(_failures(outcomes), proofs)

    def _rehearse(
        self, catalog: Catalog, candidate: Candidate, units: Sequence[Unit]
    ) -> Sequence[Outcome]:
        known = self._known or Evidence()
        known = replace(known, proofs=(*known.proofs, *self._proofs))
        with sandboxes(self._settings) as parent:
            stage = Stage(candidate, parent, self._settings, self._options)
            return Rehearsal(catalog, stage, self._runtime, self._options).run(units, known)


def _failures(outcomes: Iterable[Outcome]) -> Mapping[tuple[str, str], RefusedError]:
    lacking: defaultdict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for one in outcomes:
        if one.ruling.state is not State.PROVED:
            unit = one.standing.unit
            lacking[unit.source, unit.name].append(one)
    return {name: _refused(found) for name, found in lacking.items()}


def _refused(found: Sequence[Outcome]) -> RefusedError:
    lines = [line for one in found for line in describe(one)]
    return RefusedError("it is not proved to load from this mirror:\n" + "\n".join(lines))
