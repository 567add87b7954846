"""The table: a row for each peer of each case. Markdown, pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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

_HEAD = (
    "| work | ours | against | theirs | ratio [spread] | target | |\n"
    "|---|--:|---|--:|--:|--:|---|\n"
)


def render(suites: Sequence[SuiteResult]) -> str:
    """Write the table of these suites."""
    rows = [row for suite in suites for result in suite.results for row in _rows(result)]
    return _HEAD + "".join(rows)


def timed(suites: Sequence[SuiteResult]) -> str:
    """Write what is inside the timing of each row; rows that are timed alike share a line."""
    works: dict[str, list[str]] = {}
    for suite in suites:
        for result in suite.results:
            works.setdefault(result.timed, []).append(result.work)
    return "".join(f"- *{'; '.join(rows)}*: {what}\n" for what, rows in works.items())


def _rows(result: Result) -> Iterator[str]:
    work, ours = result.work, amount(result.ours, result.unit)
    for peer in result.peers:
        ratio = paired(result.ours.values, peer.values)
        verdict = judge(result.ours, peer)
        cells = (
            work,
            ours,
            peer.name,
            amount(peer, result.unit),
            spread(ratio, is_cost=result.is_cost) if ratio else "",
            aim(peer.target, is_cost=result.is_cost),
            f"**{verdict}**" if verdict is Verdict.BEHIND else verdict,
        )
        yield "".join(f"| {cell} " if cell else "| " for cell in cells) + "|\n"
        work = ours = ""


def amount(measured: Measured, unit: Unit) -> str:
    """Write a median, or why there is none."""
    if not measured.values:
        return measured.lacks or "not measured"
    if unit is Unit.MEBIBYTES:
        return f"{measured.median:.0f} MiB"
    if measured.median < 1:
        return f"{measured.median * 1000:.3g} ms"
    return f"{measured.median:.3g} s"


def spread(ratio: Ratio, *, is_cost: bool) -> str:
    """Write a ratio with its extremes; of a cost, so many times the peer's."""
    if is_cost:
        ratio = Ratio(1 / ratio.median, 1 / ratio.most, 1 / ratio.least)
    return f"{ratio.median:.2f}x [{ratio.least:.2f}-{ratio.most:.2f}]"


def aim(target: float | None, *, is_cost: bool) -> str:
    """Write what is aimed at."""
    if target is None:
        return ""
    return f"<= {1 / target:.3g}x" if is_cost else f">= {target:.3g}x"
