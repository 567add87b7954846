"""Every durable step, failed in every way: readers see old or new, and the next run finishes.

The sites are found by running each command once and watching it; the count is printed. The usual
run gives each site one of the faults, by a seed; all of them are tried in the long one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from hubmirror.errors import HubmirrorError
from hubmirror.records import Holdings, UnitState
from tests.faults.conftest import COUNTED
from tests.faults.scenarios import Known, holdings
from tests.faults.steps import Fault, Site
from tests.faults.victims import Runner

ENDS = {-9, 0, 3, 4, 74}
"""How a command may end when a step of it fails: killed, done, or saying that it could not."""


def is_served(found: Holdings | None, known: Known) -> bool:
    """Tell whether readers see the old state, the new one, or what could be had of the new one."""
    if found in (known.before, known.after):
        return True
    whole = known.after.units if known.after else ()
    units = found.units if found else ()
    return all(unit in whole or unit.state is not UnitState.COMPLETE for unit in units)


def broken_by(
    known: Known, runner: Runner, folder: Path, site: Site, visit: int, fault: Fault
) -> str:
    """Fail one step, look, run again, look again; say what was not as it should be."""
    scenario = known.scenario
    words = scenario.words(scenario.copy(folder))
    what = f"{scenario.name}, {fault} at visit {visit} of {site}"
    if (code := runner.fail(words, site, visit, fault)) not in ENDS:
        return f"{what}: ended with {code}"
    try:
        if not is_served(holdings(folder, scenario.mirror, scenario.bad), known):
            return f"{what}: readers see neither the old nor the new state"
        if (code := runner.run(words)) != 0:
            return f"{what}: the next run ended with {code}"
        if holdings(folder, scenario.mirror) != known.after:
            return f"{what}: the next run left another state"
        if wrong := scenario.check(folder):
            return f"{what}: {wrong}"
    except (AssertionError, HubmirrorError) as error:
        return f"{what}: {error}"
    return ""


def test_a_fault_at_any_site_is_survived(
    known: Known, runner: Runner, tmp_path: Path, record_property: Callable[[str, str], None]
) -> None:
    steps = sum(known.visits.values())
    record_property(COUNTED, f"{known.scenario.name}: {len(known.visits)} sites, {steps} steps")
    chance = random.Random(known.scenario.name)
    faults = list(Fault)

    broken = [
        broken_by(
            known, runner, tmp_path / "run", site, chance.randint(1, count), chance.choice(faults)
        )
        for site, count in sorted(known.visits.items())
    ]

    assert list(filter(None, broken)) == []


@pytest.mark.long
@pytest.mark.parametrize("fault", Fault)
def test_every_fault_at_every_site_is_survived(
    known: Known, runner: Runner, tmp_path: Path, fault: Fault
) -> None:
    broken = [
        broken_by(known, runner, tmp_path / "run", site, visit, fault)
        for site, count in sorted(known.visits.items())
        for visit in sorted({1, count})
    ]

    assert list(filter(None, broken)) == []
