"""``scripts/bench``: runs suites, keeps what they measured, and shows it."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks import machine, page, results, table
from scripts.benchmarks.processes import ROOT
from scripts.benchmarks.results import SuiteResult
from scripts.benchmarks.rounds import measure, say
from scripts.benchmarks.suites import SUITES, cases_of
from scripts.benchmarks.workbench import FOLDER, PEER_PYTHON, Workbench, lacks_module


def main() -> None:
    """Run what was asked for; the table goes to stdout, progress to stderr."""
    given = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("scripts/bench: terminated"))  # with servers
    if unknown := set(given.suites) - set(SUITES):
        sys.exit(f"scripts/bench: no suite {', '.join(sorted(unknown))}; there are: {_names()}")
    given.out.mkdir(parents=True, exist_ok=True)
    suites = list(SUITES) if given.all else given.suites
    for suite in suites:
        found = _run(suite, given.rounds, is_quick=given.quick)
        results.save(found, given.out / f"{suite}.json")
    shown = _load(given.out, suites or list(SUITES))
    if not shown:
        sys.exit(f"scripts/bench: name a suite, or --all; there are: {_names()}")
    text = table.render(shown)
    (given.out / "table.md").write_text(text, encoding="utf-8")
    print(text, end="")
    names = [one.suite for one in shown]
    for ending in ("png", "svg"):
        _draw(given.out, given.out / f"ratios.{ending}", names)
    if failed := [one.work for suite in shown for one in suite.results if one.has_failed]:
        sys.exit(f"scripts/bench: hubmirror itself failed: {'; '.join(failed)}")
    if given.write_docs:
        if any(one.is_quick for one in shown):
            sys.exit("scripts/bench: figures of --quick do not belong into the docs")
        page.write(ROOT / "docs" / "benchmarks.md", shown)
        _draw(given.out, ROOT / "docs" / "benchmarks.svg", names)


def _parser() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:20} {title}" for name, title in SUITES.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure hubmirror against what people use by hand.",
        epilog=f"suites:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="what to run; see below")
    parser.add_argument("--all", action="store_true", help="run every suite")
    parser.add_argument("--rounds", type=int, help="how often each contender runs (default: 3)")
    parser.add_argument("--quick", action="store_true", help="one round of small inputs")
    parser.add_argument(
        "--out", type=Path, default=FOLDER / "results", help="where JSON, table and plot go"
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="put the newest result of every suite in --out into docs/benchmarks.md",
    )
    return parser


def _names() -> str:
    return ", ".join(SUITES)


def _run(suite: str, rounds: int | None, *, is_quick: bool) -> SuiteResult:
    about = machine.describe()
    say(f"{suite}: {SUITES[suite]} (load {about['load']})")
    found = []
    with contextlib.ExitStack() as ends:
        bench = Workbench(FOLDER, is_quick, ends)
        runs = FOLDER / "runs" / suite
        shutil.rmtree(runs, ignore_errors=True)
        for case in cases_of(suite)(bench):
            say(f" {case.work}")
            found.append(measure(case, rounds or (1 if is_quick else 3), runs))
    return SuiteResult(suite, is_quick, about, tuple(found))


def _load(folder: Path, suites: Sequence[str]) -> list[SuiteResult]:
    paths = [folder / f"{suite}.json" for suite in suites]
    return [results.load(path) for path in paths if path.exists()]


def _draw(folder: Path, image: Path, suites: Sequence[str]) -> None:
    """Draw in the environment that has matplotlib; without it, say so."""
    if lacks := lacks_module(PEER_PYTHON, "matplotlib"):
        say(f"no plot: {lacks}")
        return
    command = [str(PEER_PYTHON), "-m", "scripts.benchmarks.plot", str(folder), str(image), *suites]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
