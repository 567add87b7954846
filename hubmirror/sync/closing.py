"""Holds back units that must not advance: their entrypoints need what nobody serves, or fail.

What they need is asked twice: of the plan, so that nothing is fetched in vain and a dry run says
it, and of what came of it, for what one unit needs may be what another could not get.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from hubmirror.closure import Prospect, find_gaps
from hubmirror.errors import HubmirrorError
from hubmirror.evidence import Proof
from hubmirror.plan import SourcePlan, UnitPlan
from hubmirror.proofs import Judgement
from hubmirror.publish import refuse_contradictions
from hubmirror.records import Holdings, Unit, UnitState
from hubmirror.sync.assembling import Assembled, planned_repo

_Failures = Mapping[tuple[str, str], HubmirrorError]


def close_plans(plans: Sequence[SourcePlan], before: Holdings) -> Sequence[SourcePlan]:
    """Let units fail that would need what is not there if all of the plan went well."""
    while _is_traced(plans) and (failures := find_gaps(_planned(plans, before))):
        plans = _hold_back(plans, failures)
    return plans


class Assembling:
    """Assembles the sources of a run, again and again until nothing more must be held back."""

    def __init__(self, before: Holdings, assemble: Callable[[SourcePlan], Assembled]) -> None:
        self._before = before
        self._assemble = assemble

    def closed(self, plans: Sequence[SourcePlan]) -> Sequence[Assembled]:
        """Assemble every source; a unit that needs what did not come fails with it."""
        done = [self._assemble(plan) for plan in plans]
        while _is_traced(plans) and (failures := find_gaps(_assembled(plans, done, self._before))):
            plans = _hold_back(plans, failures)
            done = [self._assemble(plan) for plan in plans]
        return done

    def judged(
        self,
        plans: Sequence[SourcePlan],
        done: Sequence[Assembled],
        judge: Callable[[Holdings, Collection[str]], Judgement],
    ) -> tuple[Sequence[Assembled], Sequence[Proof]]:
        """Hold back what a judge refuses, until there is nothing that he does."""
        names = {one.source.name for one in done}
        while True:
            after = replaced(self._before, done)
            refuse_contradictions(after)
            judgement = judge(after, names)
            if not judgement.failures:
                return done, judgement.proofs
            plans = _hold_back(plans, judgement.failures)
            done = self.closed(plans)


def replaced(before: Holdings, done: Iterable[Assembled]) -> Holdings:
    """Return what is held, with the sources of this run as they are now."""
    sources = {source.name: source for source in before.sources}
    names: set[str] = set()
    units: list[Unit] = []
    for one in done:
        sources[one.source.name] = one.source
        names.add(one.source.name)
        units += one.units
    kept = (unit for unit in before.units if unit.source not in names)
    return Holdings(tuple(sources.values()), (*kept, *units))


def _is_traced(plans: Iterable[SourcePlan]) -> bool:
    return any(unit.traced for plan in plans for unit in plan.units)


def _hold_back(plans: Iterable[SourcePlan], failures: _Failures) -> Sequence[SourcePlan]:
    return [
        replace(plan, units=tuple(_failing(plan, unit, failures) for unit in plan.units))
        for plan in plans
    ]


def _failing(plan: SourcePlan, unit: UnitPlan, failures: _Failures) -> UnitPlan:
    failure = failures.get((plan.manifest.name, unit.name))
    return replace(unit, failure=failure) if failure else unit


def _planned(plans: Sequence[SourcePlan], before: Holdings) -> Iterator[Prospect]:
    had = {(unit.source, unit.name): unit for unit in before.units}
    for plan in plans:
        source = plan.manifest.name
        for unit in plan.units:
            kept = had.get((source, unit.name))
            if unit.failure is None:
                specs = (one.spec.url for one in unit.fetch)
                urls = (*specs, *(row.url for row in unit.held_checkpoints))
                repo = planned_repo(unit.spec, unit.resolution, ()) if unit.spec else None
                yield Prospect(source, unit.name, urls, repo, unit.traced)
            elif kept:
                yield _as_it_is(kept)
    yield from _others(plans, before)


def _assembled(
    plans: Sequence[SourcePlan], done: Iterable[Assembled], before: Holdings
) -> Iterator[Prospect]:
    for plan, one in zip(plans, done, strict=True):
        for planned, unit in zip(plan.units, one.units, strict=True):
            needs = planned.traced if unit.state is UnitState.COMPLETE else ()
            yield replace(_as_it_is(unit), needs=needs)
    yield from _others(plans, before)


def _others(plans: Iterable[SourcePlan], before: Holdings) -> Iterator[Prospect]:
    names = {plan.manifest.name for plan in plans}
    return (_as_it_is(unit) for unit in before.units if unit.source not in names)


def _as_it_is(unit: Unit) -> Prospect:
    return Prospect(unit.source, unit.name, tuple(row.url for row in unit.checkpoints), unit.repo)
