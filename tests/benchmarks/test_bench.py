"""``scripts/bench`` from end to end with the cheapest suite and small inputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from scripts.benchmarks.processes import PYTHON, run_prepared
from scripts.benchmarks.suites import SUITES, cases_of
from scripts.benchmarks.workbench import lacks_module, lacks_program
from scripts.benchmarks.workers.job import Job

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_quick_suite_leaves_json_and_a_table(tmp_path: Path) -> None:
    done = bench("manifest_and_index", "--quick", "--out", str(tmp_path))

    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "manifest_and_index.json").read_text())
    assert found["is_quick"]
    assert found["about"]["cpu"]
    assert all(one["values"] for case in found["results"] for one in (case["ours"], *case["peers"]))
    assert done.stdout == (tmp_path / "table.md").read_text()
    assert "| 100,000 rows into the index |" in done.stdout


def test_an_unknown_suite_is_refused_with_those_there_are(tmp_path: Path) -> None:
    done = bench("http_larg", "--out", str(tmp_path))

    assert done.returncode == 1
    assert "no suite http_larg; there are: http_large, " in done.stderr


def test_quick_figures_stay_out_of_the_docs(tmp_path: Path) -> None:
    bench("manifest_and_index", "--quick", "--out", str(tmp_path))

    done = bench("--write-docs", "--out", str(tmp_path))

    assert done.returncode == 1
    assert "--quick" in done.stderr


def test_every_suite_that_is_listed_can_be_imported() -> None:
    assert all(callable(cases_of(suite)) for suite in SUITES)


def test_what_is_not_installed_is_named() -> None:
    assert lacks_program("sh", "no-such-program") == "no-such-program not installed"
    assert lacks_module(PYTHON, "no_such_module") == "no_such_module not installed"
    assert lacks_module(Path("/nowhere/python"), "json") == "json not installed"


def test_a_prepared_process_tells_its_time_and_memory(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text("version: 1\nrepos: []\n")

    took = run_prepared(PYTHON, "yaml_parse", Job(str(tmp_path), words={"manifest": str(manifest)}))

    assert 0 < took.seconds < 60
    assert took.peak_bytes > 2**20
