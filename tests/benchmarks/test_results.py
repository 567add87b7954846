"""What follows from measured values: ratios, verdicts, the table, the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.benchmarks import page, results, table
from scripts.benchmarks.cases import Unit
from scripts.benchmarks.results import (
    Measured,
    Ratio,
    Result,
    SuiteResult,
    Verdict,
    judge,
    paired,
)


def measured(*values: float, target: float | None = None, lacks: str = "") -> Measured:
    return Measured("curl", values, target, lacks)


def suite(*peers: Measured, is_cost: bool = False) -> SuiteResult:
    ours = Measured("hubmirror", (1.0, 2.0, 4.0))
    result = Result("1 GiB", "all of it", Unit.SECONDS, is_cost, ours, peers)
    return SuiteResult("http", False, {"at": "2026-01-02", "load": "0.1", "commit": "a"}, (result,))


def test_a_ratio_compares_values_of_the_same_round() -> None:
    ours, peer = (1.0, 2.0, 4.0), (3.0, 2.0, 8.0)

    ratio = paired(ours, peer)

    assert ratio == Ratio(median=2.0, least=1.0, most=3.0)


def test_without_values_there_is_no_ratio() -> None:
    assert paired((), (1.0,)) is None
    assert paired((1.0,), ()) is None


@pytest.mark.parametrize(
    ("target", "values", "verdict"),
    [
        (2.0, (4.0, 4.0), Verdict.MET),
        (2.0, (4.0, 3.9), Verdict.BEHIND),
        (None, (1.0, 1.0), Verdict.NONE),
        (2.0, (), Verdict.UNKNOWN),
    ],
)
def test_an_aim_is_met_when_the_median_of_the_ratios_reaches_it(
    target: float | None, values: tuple[float, ...], verdict: Verdict
) -> None:
    assert judge(measured(2.0, 2.0), measured(*values, target=target)) is verdict


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = suite(measured(3.0, 3.0, 3.0, target=1.5), measured(lacks="curl not installed"))

    results.save(saved, tmp_path / "http.json")

    assert results.load(tmp_path / "http.json") == saved


def test_the_table_names_a_peer_that_is_missing() -> None:
    text = table.render([suite(measured(target=2.0, lacks="curl not installed"))])

    assert "| 1 GiB | 2 s | curl | curl not installed | | >= 2x | not measured |" in text


def test_the_table_says_where_we_are_behind() -> None:
    text = table.render([suite(measured(2.0, 2.0, 2.0, target=1.5))])

    assert "| 1 GiB | 2 s | curl | 2 s | 1.00x [0.50-2.00] | >= 1.5x | **behind** |" in text


def test_a_cost_is_written_as_so_many_times_the_peers_time() -> None:
    text = table.render([suite(measured(1.0, 1.0, 1.0, target=1 / 3), is_cost=True)])

    assert "| 2.00x [1.00-4.00] | <= 3x | met |" in text


def test_rows_that_are_timed_alike_share_a_line() -> None:
    text = table.timed([suite(), suite()])

    assert text == "- *1 GiB; 1 GiB*: all of it\n"


def test_figures_go_between_the_markers_and_the_prose_stays() -> None:
    text = "before\n<!-- begin table -->\nold\n<!-- end table -->\nafter\n"

    filled = page.fill_in(text, [suite(measured(2.0, 2.0, 2.0))])

    assert filled.startswith("before\n<!-- begin table -->\n| work |")
    assert filled.endswith("<!-- end table -->\nafter\n")
    assert "old" not in filled
