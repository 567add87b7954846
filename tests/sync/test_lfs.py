"""`lfs: fetch` from manifest to mirror: the real bytes come, once, and a killed run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode, InvalidInputError
from hubmirror.mirror import Mirror
from hubmirror.sync.options import Mode
from hubmirror.verify import verify
from tests.kills import ROOT, Victims
from tests.upstream import RepoBuilder, Upstream, faults
from tests.upstream.lfs import RULES, Lfs, pointer
from tests.upstream.repos import Submodule
from tests.writer import Writer

HUBCONF = "def net():\n    pass\n"
WEIGHTS = {f"{number}.bin": os.urandom(200_000 + number) for number in range(4)}
LARGE = os.urandom(6_000_000)


@pytest.fixture
def repo(upstream: Upstream) -> RepoBuilder:
    return RepoBuilder.create(upstream, "owner/name")


@pytest.fixture
def lfs(upstream: Upstream, repo: RepoBuilder) -> Lfs:
    """Holds what the repo's one commit names."""
    server = Lfs(upstream, repo.name)
    pointers = {path: server.put(content) for path, content in WEIGHTS.items()}
    repo.commit({"hubconf.py": HUBCONF, ".gitattributes": RULES, **pointers})
    return server


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as running:
        yield running


def entry(repo: RepoBuilder, upstream: Upstream, **fields: object) -> dict[str, object]:
    return {"repo": repo.name, "url": upstream.git_url(repo.name), "lfs": "fetch", **fields}


def contents(writer: Writer, name: str, source: str = "team") -> dict[str, bytes]:
    repo = writer.unit(name, source).repo
    assert repo is not None
    with (
        Mirror.open(writer.root) as mirror,
        tarfile.open(mirror.blobs.path(repo.snapshots[0].digest)) as tar,
    ):
        assert verify(mirror).faults == ()
        return {
            member.name: stream.read()
            for member in tar
            if (stream := tar.extractfile(member)) is not None
        }


def partials(writer: Writer) -> list[str]:
    return [path.name for path in (writer.folder / "state" / "partial").iterdir()]


def partial_bytes(writer: Writer) -> list[bytes]:
    folder = writer.folder / "state" / "partial"
    return [path.read_bytes() for path in folder.iterdir()] if folder.exists() else []


def arguments(writer: Writer, manifest: Path) -> list[str]:
    state = str(writer.folder / "state")
    return ["sync", str(manifest), "--mirror", str(writer.root), "--state", state]


def is_stalled(writer: Writer) -> bool:
    """Whether all of the small objects are there, and most of the large one."""
    held = partial_bytes(writer)
    return all(content in held for content in WEIGHTS.values()) and any(
        3_900_000 < len(one) < len(LARGE) for one in held
    )


def test_the_snapshot_holds_the_real_bytes_and_nothing_is_left(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    report = writer.sync(writer.manifest([entry(repo, upstream)]))

    held = contents(writer, repo.name)
    assert report.exit_code() is ExitCode.OK
    assert report.units[0].warnings == ()
    assert {path: held[path] for path in WEIGHTS} == WEIGHTS
    assert partials(writer) == []
    assert writer.leftovers() == []


def test_a_run_with_nothing_new_asks_for_no_object(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    manifest = writer.manifest([entry(repo, upstream)])
    writer.sync(manifest)
    upstream.clear_log()

    report = writer.sync(manifest)

    assert report.is_idle()
    assert [request.path for request in upstream.requests] == ["/git/owner/name/info/refs"]


def test_switching_from_pointers_makes_the_snapshot_anew(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    writer.sync(writer.manifest([entry(repo, upstream, lfs="pointer")]))
    pointers = contents(writer, repo.name)

    switched = writer.sync(writer.manifest([entry(repo, upstream)]))
    objects = contents(writer, repo.name)
    back = writer.sync(writer.manifest([entry(repo, upstream, lfs="pointer")]))

    assert switched.published
    assert back.published
    assert {path: objects[path] for path in WEIGHTS} == WEIGHTS
    assert pointers["0.bin"] == pointer(WEIGHTS["0.bin"]).encode()
    assert contents(writer, repo.name) == pointers


def test_the_lock_says_that_objects_were_fetched(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    path = writer.manifest([entry(repo, upstream)])
    writer.sync(path)
    lock = path.with_name(f"{path.name}.lock").read_text()

    writer.manifest([entry(repo, upstream, lfs="pointer")])
    with pytest.raises(InvalidInputError, match="lfs=fetch"):
        writer.sync(path, mode=Mode.LOCKED)

    assert '"lfs=fetch"' in lock


def test_two_hosts_make_the_same_bytes(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    other = Writer(writer.folder / "other")
    other.folder.mkdir()
    for one in (writer, other):
        one.sync(one.manifest([entry(repo, upstream)]))

    snapshots = [one.unit(repo.name).repo for one in (writer, other)]

    assert snapshots[0] == snapshots[1]


def test_sources_and_refs_that_share_objects_fetch_them_once(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    repo.tag("v1")
    repo.commit({"new.py": "1"})
    fields = {"refs": ["v1", "main"]}
    first = writer.manifest([entry(repo, upstream, **fields)], name="first")
    second = writer.manifest([entry(repo, upstream, **fields)], name="second")

    report = writer.sync(first, second)

    assert report.exit_code() is ExitCode.OK
    assert sorted(upstream.fetched_files()) == sorted(map(lfs.path, WEIGHTS.values()))
    assert contents(writer, repo.name, "first") == contents(writer, repo.name, "second")


def test_a_missing_object_fails_the_unit_and_what_came_waits_for_it(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    late = os.urandom(1000)
    repo.commit({"late.bin": pointer(late)})
    manifest = writer.manifest([entry(repo, upstream)])

    failed = writer.sync(manifest)
    before = sorted(upstream.fetched_files())
    lfs.put(late)
    upstream.clear_log()
    done = writer.sync(manifest)

    assert failed.exit_code() is ExitCode.INCOMPLETE
    assert "late.bin" in str(failed.units[0].failure)
    assert done.exit_code() is ExitCode.OK
    assert not set(before) & set(upstream.fetched_files())
    assert contents(writer, repo.name)["late.bin"] == late


def test_the_limit_counts_what_pointers_stand_for(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    report = writer.sync(writer.manifest([entry(repo, upstream, max_size="500kB")]))

    assert "the limit is 500000" in str(report.units[0].failure)
    assert lfs.questions == []


def test_submodules_bring_their_objects(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    outer = RepoBuilder.create(upstream, "owner/outer")
    modules = '[submodule "x"]\n\tpath = sub\n\turl = ../name\n'
    inner = Submodule(repo.resolve("main"))
    outer.commit({"hubconf.py": HUBCONF, ".gitmodules": modules, "sub": inner})

    report = writer.sync(writer.manifest([entry(outer, upstream, submodules=True)]))

    assert report.exit_code() is ExitCode.OK
    assert contents(writer, outer.name)["sub/1.bin"] == WEIGHTS["1.bin"]


def test_a_repo_on_this_machine_gives_its_own_objects(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    folder = upstream.repo_folder(repo.name)
    for content in WEIGHTS.values():
        oid = pointer(content).split("sha256:")[1][:64]
        place = folder / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
        place.parent.mkdir(parents=True)
        place.write_bytes(content)

    report = writer.sync(writer.manifest([entry(repo, upstream, url=f"file://{folder}")]))

    assert report.exit_code() is ExitCode.OK
    assert contents(writer, repo.name)["1.bin"] == WEIGHTS["1.bin"]
    assert lfs.questions == []


def test_a_killed_run_goes_on_and_fetches_no_whole_object_again(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs
) -> None:
    repo.commit({"large.bin": lfs.put(LARGE)})
    upstream.fault(lfs.path(LARGE), faults.Stall(4_000_000, seconds=300))
    manifest = writer.manifest([entry(repo, upstream)])
    command = [sys.executable, "-m", "hubmirror", *arguments(writer, manifest)]

    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not is_stalled(writer) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    upstream.fault(lfs.path(LARGE))
    report = writer.sync(manifest)

    asked = [request for request in upstream.requests if request.path == lfs.path(LARGE)]
    fetched = upstream.fetched_files()
    assert process.returncode == -signal.SIGKILL
    assert report.exit_code() is ExitCode.OK
    assert all(fetched.count(lfs.path(content)) == 1 for content in WEIGHTS.values())
    assert [request.status for request in asked] == [200, 206]
    assert asked[1].sent_bytes < len(LARGE) - 2_000_000
    assert contents(writer, repo.name)["large.bin"] == LARGE
    assert partials(writer) == []


def test_a_kill_at_any_step_leaves_objects_that_need_not_come_again(
    writer: Writer, upstream: Upstream, repo: RepoBuilder, lfs: Lfs, victims: Victims
) -> None:
    manifest = writer.manifest([entry(repo, upstream)])
    step, outcome = 10, -signal.SIGKILL

    while outcome == -signal.SIGKILL:
        whole = {path for path in WEIGHTS if WEIGHTS[path] in partial_bytes(writer)}
        upstream.clear_log()
        outcome = victims.run(arguments(writer, manifest), until=step)
        step += 7
        assert not {lfs.path(WEIGHTS[path]) for path in whole} & set(upstream.fetched_files())

    held = contents(writer, repo.name)
    assert outcome == 0
    assert {path: held[path] for path in WEIGHTS} == WEIGHTS
