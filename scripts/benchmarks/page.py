"""Puts figures into ``docs/benchmarks.md``, between markers; the prose around them stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks import table
from scripts.benchmarks.results import SuiteResult

_MARKED = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def write(path: Path, suites: Sequence[SuiteResult]) -> None:
    """Replace what stands between the markers of a page."""
    path.write_text(fill_in(path.read_text(encoding="utf-8"), suites), encoding="utf-8")


def fill_in(text: str, suites: Sequence[SuiteResult]) -> str:
    """Return a page with the figures of these suites."""
    parts = {
        "machine": _machine(suites),
        "table": table.render(suites),
        "timed": table.timed(suites),
    }
    return _MARKED.sub(lambda found: f"{found[1]}{parts[found[2]]}{found[3]}", text)


def _machine(suites: Sequence[SuiteResult]) -> str:
    newest = max(suites, key=lambda one: one.about["at"]).about
    rows = {name: newest[name] for name in newest if name not in ("at", "load", "commit")}
    times = sorted(one.about["at"] for one in suites)
    loads = sorted((one.about["load"] for one in suites), key=float)
    rows["runs"] = f"{times[0]} to {times[-1]}"
    rows["load"] = f"{loads[0]} to {loads[-1]} at the start of a suite"
    commits: dict[str, list[str]] = {}
    for one in suites:
        commits.setdefault(one.about["commit"], []).append(one.suite)
    whose = len(commits) > 1
    rows["hubmirror"] = "; ".join(
        f"{commit} ({', '.join(names)})" if whose else commit for commit, names in commits.items()
    )
    return "".join(["| | |\n", "|---|---|\n", *(f"| {a} | {b} |\n" for a, b in rows.items())])
