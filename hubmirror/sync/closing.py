"""Holds back units whose entrypoints were seen to need what nobody will serve.

Asked twice: of the plan, so that nothing is fetched in vain and a dry run says it, and of what
came of it, for what one unit needs may be what another could not get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from hubmirror.closure import Prospect, find_gaps
from hubmirror.errors import HubmirrorError
from hubmirror.plan import SourcePlan, UnitPlan
from hubmirror.records import Holdings, Unit, UnitState
from hubmirror.sync.assembling import Assembled, planned_repo

_Failures = Mapping[tuple[str, str], HubmirrorError]


def close_plans(plans: Sequence[SourcePlan], before: Holdings) -> Sequence[SourcePlan]:
    """Let units fail that would need what is not there if all of the plan went well."""
    while _is_traced(plans) and (failures := find_gaps(_planned(plans, before))):
        plans = _hold_back(plans, failures)
    return plans


def assemble_closed(
    plans: Sequence[SourcePlan], before: Holdings, assemble: Callable[[SourcePlan], Assembled]
) -> Sequence[Assembled]:
    """Assemble every source; a unit that needs what did not come fails with it."""
    done = [assemble(plan) for plan in plans]
    while _is_traced(plans) and (failures := find_gaps(_assembled(plans, done, before))):
        plans = _hold_back(plans, failures)
        done = [assemble(plan) for plan in plans]
    return done


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
