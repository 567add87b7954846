"""Repos that are small on the wire and huge once they are looked into."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from hubmirror.errors import UpstreamError
from tests.git.conftest import Bench
from tests.git.test_hostile import tree_of
from tests.kills import ROOT
from tests.upstream.gitcmd import git_environment, git_program, run_git

MIB = 1024 * 1024
GIB = 1024 * MIB
TAKEN = """
import io, resource, sys
from pathlib import Path
from hubmirror.errors import UpstreamError
from hubmirror.upstream.refs import match_refs
from hubmirror.upstream.repos import GitUpstream
from hubmirror.upstream.snapshots import Choices, write_snapshot

url, folder = sys.argv[1], Path(sys.argv[2])
with GitUpstream() as git:
    (row,) = git.fetch(url, folder, match_refs("main", git.list_refs(url)))
    try:
        write_snapshot(git.clone(folder), row.commit, io.BytesIO(), Choices(max_bytes=10_000_000))
    except UpstreamError as error:
        print(error.message)
# Of this process getrusage tells what the one that started it had in memory.
own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(max(int(own.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
"""


def put_zeros(bench: Bench, size_bytes: int) -> str:
    """Commit a file of zeros beside a hubconf; a pack holds a thousandth of it."""
    where = [git_program(), "--git-dir", str(bench.origin)]
    run_git(*where[1:], "config", "core.bigFileThreshold", "1m")  # the host's memory is its own
    command = [*where, "hash-object", "-w", "--stdin"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=git_environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(size_bytes // MIB):
            process.stdin.write(bytes(MIB))
        process.stdin.close()
        blob = process.stdout.read().decode().strip()
    tree = run_git(*where[1:], "mktree", stdin=f"100644 blob {blob}\tbig.bin\n".encode()).strip()
    who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    return bench.repo.branch(
        "main", run_git(*where[1:], *who, "commit-tree", "-m", "x", tree).strip()
    )


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "size_bytes", [96 * MIB, pytest.param(5 * GIB, marks=[pytest.mark.long])], ids=["96MiB", "5GiB"]
)
def test_a_file_over_the_limit_is_held_neither_in_memory_nor_on_disk(
    bench: Bench, tmp_path: Path, size_bytes: int
) -> None:
    commit = put_zeros(bench, size_bytes)
    command = [sys.executable, "-c", TAKEN, bench.file_url, str(bench.folder)]

    taken = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    refusal, peak_kib = taken.stdout.splitlines()
    assert refusal == f"commit {commit}: its files are {size_bytes} bytes, the limit is 10000000"
    assert int(peak_kib) < 64 * 1024
    assert disk_bytes(bench.folder) < size_bytes // 100


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=[pytest.mark.long])])
def test_a_folder_of_very_many_files_is_taken(bench: Bench, count: int) -> None:
    blob = bench.blob(b"x")
    commit = bench.forge(b"".join(tree_of(b"100644", b"%06d" % n, blob) for n in range(count)))

    snapshot, tar = bench.snapshot(commit)

    assert snapshot.findings == ()
    assert len(tar) == count * 1024 + 1024


def test_a_path_that_no_system_can_have_refuses_the_snapshot(bench: Bench) -> None:
    commit = bench.repo.commit({f"{'d/' * 2100}f": "x"})
    bench.fetch("main")

    with pytest.raises(UpstreamError, match=f"commit {commit}: a path of 4201 bytes"):
        bench.snapshot(commit)


def test_folders_that_only_name_folders_refuse_the_snapshot(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubmirror.upstream.trees._MOST_FOLDER_BYTES", 10_000)
    commit = bench.repo.commit({f"{'d/' * 100}f{number}": "x" for number in range(2)})
    bench.fetch("main")

    with pytest.raises(UpstreamError, match=f"commit {commit}: its folders are nested"):
        bench.snapshot(commit)


def test_rules_for_archives_that_are_too_long_refuse_the_snapshot(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubmirror.upstream.attributes._MOST_BYTES", 1000)
    rules = "a export-ignore\n" * 40
    commit = bench.repo.commit({f"{n}/.gitattributes": f"{n} {rules}" for n in range(2)})
    bench.fetch("main")

    with pytest.raises(
        UpstreamError, match=rf"commit {commit}: its \.gitattributes are 1284 bytes"
    ):
        bench.snapshot(commit)


def test_rules_for_archives_that_would_take_hours_refuse_the_snapshot(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubmirror.upstream.attributes._MOST_MATCHES", 1000)
    bench.repo.commit({f"many/{n}": "x" for n in range(50)})
    commit = bench.repo.commit({".gitattributes": "a export-ignore\n" * 40})
    bench.fetch("main")

    with pytest.raises(UpstreamError, match=f"commit {commit}: .* rules for archives"):
        bench.snapshot(commit)


def test_rules_of_a_folder_count_for_what_is_in_it_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubmirror.upstream.attributes._MOST_MATCHES", 1000)
    bench.repo.commit({f"many/{n}": "x" for n in range(50)})
    commit = bench.repo.commit({"few/.gitattributes": "a export-ignore\n" * 40, "few/a": "x"})
    bench.fetch("main")

    stream = io.BytesIO(bench.snapshot(commit)[1])

    assert b"few/a\0" not in stream.getvalue()
