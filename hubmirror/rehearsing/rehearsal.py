"""One rehearsal of a catalog: which entrypoints have to be loaded, and what comes of each.

Owns: which proofs spare a load. Knows nothing of publications: its catalog may be a candidate.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from hubmirror.catalog import Catalog
from hubmirror.errors import MissingDependencyError
from hubmirror.evidence import Evidence, Proof, Verdict
from hubmirror.manifest.lock import Lock, parse_lock
from hubmirror.manifest.locked import LockedEntrypoint
from hubmirror.proofs import (
    Standing,
    State,
    basis,
    holding,
    is_of,
    look_up,
    standings,
    this_platform,
)
from hubmirror.records import Unit
from hubmirror.rehearsing.answers import Answer, Runtime
from hubmirror.rehearsing.options import Options
from hubmirror.rehearsing.report import Outcome
from hubmirror.rehearsing.staging import Performance, Stage
from hubmirror.rehearsing.verdicts import Ruling, rule
from hubmirror.resolve import Spec, resolve


def find_runtime() -> Runtime:
    """Return what loads would be done with here, so far as that is known without loading torch.

    Raises:
        MissingDependencyError: when torch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(
            "torch is not installed in this environment: nothing can be rehearsed here, and every "
            "entrypoint stays as proved as it was",
            hint="pip install torch; or rehearse on a node that has it",
        )
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:  # built in place
        version = ""
    return Runtime(version, platform.python_version(), this_platform())


class Rehearsal:
    """Loads what a catalog declares, on one stage."""

    def __init__(self, catalog: Catalog, stage: Stage, runtime: Runtime, options: Options) -> None:
        self._catalog = catalog
        self._stage = stage
        self._runtime = runtime
        self._options = options

    def run(self, units: Sequence[Unit], evidence: Evidence) -> tuple[Outcome, ...]:
        """Load every entrypoint of these units, and say of each how it stands then.

        Raises:
            StorageError: when no child can be started, or not be held as it was asked.
        """
        found = standings(self._catalog, evidence, units)
        spared = () if self._options.again else self._spared(evidence)
        locks = self._locks({unit.source for unit in units})
        pool = ThreadPoolExecutor(max_workers=self._options.jobs)
        try:
            running = [pool.submit(self._one, one, spared, locks) for one in found]
            return tuple(one.result() for one in running)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._stage.stop()  # nobody waits for a load after an interruption

    def _spared(self, evidence: Evidence) -> Sequence[Proof]:
        """Return the proofs that this torch would only repeat."""
        return [
            proof
            for proof in holding(self._catalog, evidence.proofs)
            if proof.verdict is Verdict.PROVED
            and Runtime(proof.torch, proof.python, proof.platform) == self._runtime
        ]

    def _locks(self, sources: Collection[str]) -> Mapping[str, Lock]:
        return {
            source.name: parse_lock(source.lock, file=f"the published lock of {source.name}")
            for source in self._catalog.sources()
            if source.name in sources and source.lock
        }

    def _one(
        self, standing: Standing, spared: Sequence[Proof], locks: Mapping[str, Lock]
    ) -> Outcome:
        unit = standing.unit
        if unit.repo is None or not standing.ref:
            ruling = Ruling(State.UNPROVED, f"its unit is {unit.state}: {unit.reason}")
            return Outcome(replace(standing, proof=None), ruling)
        for known in spared:
            if is_of(known, standing):
                return Outcome(replace(standing, proof=known), Ruling(State.PROVED), skipped=True)
        spec = f"{unit.repo.title}:{standing.ref}"
        performance = self._stage.perform(spec, standing.call)
        commit = resolve(self._catalog, Spec.parse(spec)).ref.commit
        ruling = _ruling(performance, _traced(standing, locks), commit)
        proof = self._proof(standing, spec, performance.answer, ruling)
        self._options.notify(f"rehearsed {standing.title}: {ruling.state}")
        return Outcome(
            replace(standing, proof=proof),
            ruling,
            output=performance.ended.output if ruling.state is State.FAILED else "",
            protections=str(performance.ended.protections),
        )

    def _proof(
        self, standing: Standing, spec: str, answer: Answer | None, ruling: Ruling
    ) -> Proof | None:
        if ruling.state is State.UNPROVED:
            return None
        names = {spec, *(answer.relied if answer else ())}
        names.update(one.wanted for one in ruling.missed if one.wanted)
        runtime = answer.runtime if answer else self._runtime
        return Proof(
            source=standing.unit.source,
            unit=standing.unit.name,
            call=standing.call,
            verdict=Verdict(ruling.state.value),
            basis=basis(standing.call, look_up(self._catalog, names)),
            result=answer.result if answer else "",
            torch=runtime.torch,
            python=runtime.python,
            platform=runtime.platform,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            reason=ruling.reason,
            ref=standing.ref,
            relied=tuple(sorted(names)),
        )


def _traced(standing: Standing, locks: Mapping[str, Lock]) -> LockedEntrypoint | None:
    unit = standing.unit
    lock = locks.get(unit.source)
    locked = lock.repo(unit.repo.key) if lock and unit.repo else None
    return locked.entrypoint(standing.call) if locked else None


def _ruling(performance: Performance, traced: LockedEntrypoint | None, commit: str) -> Ruling:
    if performance.answer is None:
        return Ruling(State.FAILED, performance.trouble)
    return rule(performance.answer, traced, commit)
