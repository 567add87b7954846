"""A clone stays small, however often it is fetched into, and however its upkeep ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hubmirror.upstream.repos import GitUpstream
from tests.git.conftest import Bench, contents
from tests.git.test_killed import living, mark, until

__all__ = ["mark"]

_FETCHES = 30
_FILE_BYTES = 20_000


def moved(bench: Bench, times: int) -> list[str]:
    """Let a branch move, and fetch it each time in a run of its own; its commits."""
    found = []
    for number in range(times):
        found.append(bench.repo.commit({"a": os.urandom(_FILE_BYTES), "n": str(number)}))
        bench.git = GitUpstream()
        bench.fetch("main")
    return found


def packs(bench: Bench) -> list[Path]:
    return list(bench.folder.glob("objects/pack/*.pack"))


def test_a_branch_that_moves_on_leaves_few_packs_and_its_last_commits(bench: Bench) -> None:
    commits = moved(bench, _FETCHES)

    assert len(packs(bench)) <= 11
    held = [commit for commit in commits if bench.git.clone(bench.folder).has(commit)]
    assert held == commits[-len(held) :]
    assert sum(path.stat().st_size for path in packs(bench)) < _FILE_BYTES * (len(held) + 2)
    assert len(held) < _FETCHES


def test_what_upkeep_kept_can_be_made_into_snapshots_again(bench: Bench) -> None:
    commits = moved(bench, 6)
    before = [bench.snapshot(commit)[1] for commit in commits]

    moved(bench, 8)

    assert [bench.snapshot(commit)[1] for commit in commits] == before


def test_what_upkeep_dropped_is_fetched_again(bench: Bench) -> None:
    first, *_ = moved(bench, _FETCHES)
    assert not bench.git.clone(bench.folder).has(first)

    (found,) = bench.fetch(first)

    assert found.commit == first
    assert contents(bench.snapshot(first)[1])["n"] == b"0"


@pytest.mark.parametrize("command", ["repack", "prune"])
@pytest.mark.parametrize("is_done", [False, True])
def test_upkeep_that_is_killed_harms_nothing(
    bench: Bench, tmp_path: Path, mark: str, command: str, is_done: bool
) -> None:
    commits = moved(bench, 10)
    commits.append(bench.repo.commit({"a": "last", "n": "10"}))
    real, stopped = shutil.which("git"), tmp_path / "stopped"
    program = tmp_path / "git-that-stops"
    program.write_text(
        f"""#!/bin/sh
        case "$*" in *" {command} "*)
            {f'{real} "$@"' if is_done else ""}
            touch {stopped}; sleep 60;;
        esac
        exec {real} "$@"
        """
    )
    program.chmod(0o755)
    script = f"""
        from pathlib import Path
        from hubmirror.records import RefKind, RefRow
        from hubmirror.upstream.repos import GitUpstream

        row = RefRow("main", RefKind.BRANCH, "")
        GitUpstream().fetch({bench.file_url!r}, Path({str(bench.folder)!r}), [row])
    """
    environment = {
        **os.environ,
        "HUBMIRROR_TEST_MARK": mark,
        "GIT_PYTHON_GIT_EXECUTABLE": str(program),
    }
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert until(stopped.exists)
        process.kill()
    assert until(lambda: not living(mark)), living(mark)

    (found,) = bench.fetch("main")

    assert found.commit == commits[-1]
    assert [contents(bench.snapshot(commit)[1])["n"] for commit in commits] == [
        str(number).encode() for number in range(11)
    ]
