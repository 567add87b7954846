"""What the last sync found: written whole, read by anybody, and carried on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode, HubmirrorError
from hubmirror.findings import Finding, FindingKind
from hubmirror.last_run import LastRun, RunUnit, read_last_run, write_last_run
from hubmirror.layout import StateLayout
from hubmirror.specs import Drift
from hubmirror.sync.recording import recording

GONE = Finding(FindingKind.GONE_URL, "https://h.example/w.pth", Drift.HOLD, "it is gone", "t1")
UNIT = RunUnit("team", "acme/net", "t2", "not found", (GONE,))
RUN = LastRun("t1", "t2", 6, "", ("team",), "t0", (UNIT,))


@pytest.fixture
def state(tmp_path: Path) -> StateLayout:
    return StateLayout(tmp_path)


def test_what_was_written_is_read(state: StateLayout) -> None:
    write_last_run(state, RUN)

    assert read_last_run(state) == RUN


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b"\xff"])
def test_what_is_no_run_is_not_known(state: StateLayout, content: bytes) -> None:
    state.last_run.write_bytes(content)

    assert read_last_run(state) is None


def test_a_unit_that_goes_on_failing_fails_since_it_began(state: StateLayout) -> None:
    write_last_run(state, RUN)
    later = replace(RUN, ended_at="t9", units=(replace(UNIT, failing_since="t9"),))

    write_last_run(state, later)

    found = read_last_run(state)
    assert found is not None
    assert [one.failing_since for one in found.units] == ["t2"]


def test_a_unit_that_advances_again_is_told_no_more(state: StateLayout) -> None:
    write_last_run(state, RUN)

    write_last_run(state, replace(RUN, units=()))

    found = read_last_run(state)
    assert found is not None
    assert found.units == ()


def test_the_units_of_other_sources_are_carried_on(state: StateLayout) -> None:
    write_last_run(state, RUN)

    write_last_run(state, LastRun("t3", "t4", 0, sources=("other",)))

    found = read_last_run(state)
    assert found is not None
    assert (found.exit_code, found.units, found.urls_checked_at) == (0, (UNIT,), "t0")


def test_a_run_that_broke_off_says_so_and_forgets_nothing(state: StateLayout) -> None:
    write_last_run(state, RUN)

    with pytest.raises(HubmirrorError), recording(state, ["team"]):
        raise HubmirrorError("the disk is full")

    found = read_last_run(state)
    assert found is not None
    assert (found.exit_code, found.error) == (ExitCode.BUG, "the disk is full")
    assert found.units == (UNIT,)
