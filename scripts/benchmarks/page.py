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
    lines = [f"| {name} | {newest[name]} |" for name in newest if name not in ("at", "load")]
    runs = [f"{one.suite} {one.about['at']} (load {one.about['load']})" for one in suites]
    commits = sorted({one.about["commit"] for one in suites})
    if len(commits) > 1:
        runs = [f"{run} of {one.about['commit']}" for run, one in zip(runs, suites, strict=True)]
    return "\n".join(["| | |", "|---|---|", *lines, f"| runs | {', '.join(runs)} |", ""])
