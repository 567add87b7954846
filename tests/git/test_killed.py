"""Whoever dies takes git along, and the next run finishes the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.errors import UpstreamError
from hubmirror.upstream.repos import GitUpstream
from tests.git.conftest import Bench, contents
from tests.upstream import faults

_MARK = "HUBMIRROR_TEST_MARK"


@pytest.fixture
def mark() -> str:
    """What marks the processes of one test: they inherit it in their environment."""
    return uuid.uuid4().hex


def living(mark: str) -> list[str]:
    """The command lines of processes that carry the mark; the dead do not count."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if f"{_MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # no process, not ours, or gone
    return found


def until(condition: object, seconds: float = 10) -> bool:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


@pytest.fixture
def fetching(bench: Bench, mark: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process in the middle of a fetch: half a pack came, then nothing more."""
    bench.repo.commit({"a": os.urandom(300_000), "hubconf.py": "1"})
    bench.upstream.fault_repo(
        "owner/name", faults.Stall(after_bytes=100_000, seconds=60), service="git-upload-pack"
    )
    script = f"""
        from pathlib import Path
        from hubmirror.records import RefKind, RefRow
        from hubmirror.upstream.repos import GitUpstream

        row = RefRow("main", RefKind.BRANCH, "")
        GitUpstream().fetch({bench.http_url!r}, Path({str(bench.folder)!r}), [row])
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, _MARK: mark},
        cwd=Path(__file__).parents[2],
    )
    with process:
        try:
            assert until(lambda: list(bench.folder.glob("objects/pack/tmp_pack_*")))
            assert until(lambda: any("remote-http" in line for line in living(mark)))
            yield process
        finally:
            process.kill()
    assert until(lambda: not living(mark))


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_git_outlives_the_process_that_started_it(
    fetching: subprocess.Popen[bytes], mark: str, kind: signal.Signals
) -> None:
    fetching.send_signal(kind)
    fetching.wait(10)

    assert until(lambda: not living(mark)), living(mark)


def test_the_next_run_finishes_what_a_killed_one_began(
    bench: Bench, fetching: subprocess.Popen[bytes], mark: str
) -> None:
    fetching.kill()
    fetching.wait()
    assert until(lambda: not living(mark))
    bench.upstream.fault_repo("owner/name", service="git-upload-pack")

    (found,) = bench.fetch("main", url=bench.http_url)

    assert contents(bench.snapshot(found.commit)[1])["hubconf.py"] == b"1"
    assert not list(bench.folder.rglob("tmp_*"))
    assert not list(bench.folder.rglob("*.lock"))


def test_no_git_outlives_a_host_that_stalls(
    bench: Bench, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.repo.commit({"a": os.urandom(300_000)})
    bench.upstream.fault_repo(
        "owner/name", faults.Stall(after_bytes=100_000, seconds=60), service="git-upload-pack"
    )
    monkeypatch.setenv(_MARK, mark)
    rows = bench.rows("main", url=bench.http_url)

    with pytest.raises(UpstreamError) as stalled:
        GitUpstream(timeout_s=1).fetch(bench.http_url, bench.folder, rows)

    assert stalled.value.unreachable
    assert until(lambda: not living(mark)), living(mark)


@pytest.mark.parametrize("instant_s", [0.02, 0.05, 0.08, 0.12, 0.2, 0.3])
def test_a_kill_at_any_instant_leaves_a_clone_that_works(bench: Bench, instant_s: float) -> None:
    first = bench.repo.commit({f"f{number}": os.urandom(2000) for number in range(300)})
    second = bench.repo.commit({"a": "2"})
    script = f"""
        import sys
        from pathlib import Path
        from hubmirror.records import RefKind, RefRow
        from hubmirror.upstream.repos import GitUpstream

        rows = [RefRow("main", RefKind.BRANCH, ""), RefRow({first!r}, RefKind.COMMIT, {first!r})]
        print("now", flush=True)
        GitUpstream().fetch({bench.file_url!r}, Path({str(bench.folder)!r}), rows)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(instant_s)
        process.kill()

    found = bench.fetch("main", first)

    assert [row.commit for row in found] == [second, first]
    assert contents(bench.snapshot(second)[1])["a"] == b"2"
    assert len(contents(bench.snapshot(first)[1])) == 300
