"""Refs listed and commits fetched, over file:// and over a real smart HTTP server."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hubmirror.errors import InvalidInputError, StorageError, UpstreamError
from hubmirror.records import RefKind, RefRow
from hubmirror.upstream.repos import GitUpstream
from tests.certificates import make_ca, server_context
from tests.git.conftest import Bench, contents
from tests.upstream import RepoBuilder, Upstream, faults
from tests.upstream.gitcmd import run_git

Url = Callable[[Bench], str]


@pytest.fixture(params=["file", "http"])
def url(request: pytest.FixtureRequest) -> Url:
    """The address of the repo, once in each protocol."""
    is_file = request.param == "file"
    return lambda bench: bench.file_url if is_file else bench.http_url


def test_one_question_lists_branches_tags_and_default(bench: Bench, url: Url) -> None:
    first = bench.repo.commit({"hubconf.py": "1"})
    second = bench.repo.commit({"hubconf.py": "2"})
    bench.repo.tag("light", first)
    bench.repo.annotate("v1.0", at=first)
    bench.repo.branch("feature/x", first)

    refs = bench.git.list_refs(url(bench))

    assert refs.default_branch == "main"
    assert refs.branches == {"main": second, "feature/x": first}
    assert refs.tags == {"light": first, "v1.0": first}
    assert refs.moved_to == ""


def test_a_detached_head_is_no_default_branch(bench: Bench) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})
    run_git("--git-dir", str(bench.origin), "update-ref", "--no-deref", "HEAD", first)

    assert bench.git.list_refs(bench.file_url).default_branch == ""


def test_an_unborn_head_leaves_the_other_branches(bench: Bench, url: Url) -> None:
    bench.repo.commit({"a": "1"}, branch="other")

    refs = bench.git.list_refs(url(bench))

    assert (refs.default_branch, set(refs.branches)) == ("", {"other"})


def test_a_repo_without_any_ref_is_an_error(bench: Bench, url: Url) -> None:
    with pytest.raises(UpstreamError, match="no branch and no tag") as empty:
        bench.git.list_refs(url(bench))

    assert not empty.value.unreachable


def test_a_renamed_repo_is_followed_and_its_new_address_told(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})
    old = bench.http_url
    bench.repo.rename("owner/new-name")

    refs = bench.git.list_refs(old)
    (row,) = bench.git.fetch(old, bench.folder, [RefRow("main", RefKind.BRANCH, "")])

    assert refs.moved_to == bench.upstream.git_url("owner/new-name")
    assert row.commit == commit


def test_wanted_refs_arrive_with_their_commits(bench: Bench, url: Url) -> None:
    first = bench.repo.commit({"hubconf.py": "1", "sub/b": "x"})
    second = bench.repo.commit({"hubconf.py": "2"})
    bench.repo.annotate("v1.0", at=first)
    bench.repo.branch("feature/x", first)

    found = bench.fetch("", "v1.0", "feature/*", "refs/heads/main", url=url(bench))

    assert found == (
        RefRow("main", RefKind.BRANCH, second),
        RefRow("v1.0", RefKind.TAG, first),
        RefRow("feature/x", RefKind.BRANCH, first),
        RefRow("refs/heads/main", RefKind.BRANCH, second),
    )
    clone = bench.git.clone(bench.folder)
    assert clone.read_file(first, "hubconf.py") == b"1"
    assert clone.read_file(second, "hubconf.py") == b"2"
    assert [entry.path for entry in clone.tree(second)] == ["hubconf.py", "sub/b"]
    assert clone.has(first)
    assert clone.has(second)


def test_history_that_nobody_wants_is_not_fetched(bench: Bench, url: Url) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})

    bench.fetch("", url=url(bench))

    assert not bench.git.clone(bench.folder).has(first)
    assert bench.in_clone("rev-list", "--all").count("\n") == 0


def test_a_branch_that_moved_after_the_listing_comes_as_it_is_now(bench: Bench, url: Url) -> None:
    bench.repo.commit({"a": "1"})
    rows = bench.rows("main")
    second = bench.repo.commit({"a": "2"})

    (found,) = bench.git.fetch(url(bench), bench.folder, rows)

    assert found.commit == second


def test_a_forced_branch_comes_as_it_is_now(bench: Bench, url: Url) -> None:
    bench.repo.commit({"a": "1"})
    other = bench.repo.commit({"a": "other"}, branch="other")
    bench.fetch("main", url=url(bench))
    bench.repo.branch("main", other)

    (found,) = bench.fetch("main", url=url(bench))

    assert found.commit == other


def test_a_branch_may_become_the_folder_of_another(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})
    bench.repo.branch("topic", commit)
    bench.fetch("topic")
    bench.repo.delete("heads/topic")
    second = bench.repo.commit({"a": "2"}, branch="topic/more")

    (found,) = bench.fetch("topic/more")

    assert found.commit == second


def test_what_is_here_is_not_asked_for_again(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})
    rows = [*bench.rows("main"), RefRow(commit, RefKind.COMMIT, commit)]
    bench.git.fetch(bench.http_url, bench.folder, rows)
    bench.upstream.clear_log()

    found = bench.git.fetch(bench.http_url, bench.folder, rows)

    assert found == tuple(rows)
    assert bench.upstream.requests == []


def test_a_pinned_commit_below_a_branch_arrives(bench: Bench, url: Url) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})

    (found,) = bench.fetch(first, url=url(bench))

    assert found == RefRow(first, RefKind.COMMIT, first)
    assert bench.git.clone(bench.folder).read_file(first, "a") == b"1"


def test_a_short_commit_is_found_by_its_digits(bench: Bench, url: Url) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})

    (found,) = bench.fetch(first[:8], url=url(bench))

    assert found == RefRow(first[:8], RefKind.COMMIT, first)
    assert bench.git.clone(bench.folder).read_file(first, "a") == b"1"


def test_a_short_commit_that_fits_two_is_refused(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    pair = _same_start(bench)

    with pytest.raises(UpstreamError, match="could be") as unsure:
        bench.fetch(pair[0][:7])

    assert pair[0] in unsure.value.message
    assert pair[1] in unsure.value.message


def _same_start(bench: Bench) -> tuple[str, str]:
    """Put two commits on branches whose ids begin with the same seven digits.

    A birthday search over messages; the ids are computed here, so it takes about a second.
    """
    tree = run_git("--git-dir", str(bench.origin), "rev-parse", "main^{tree}").strip()
    seen: dict[str, bytes] = {}
    for number in range(10**6):
        who = "A <a@b> 1577836800 +0000"
        text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{number}\n".encode()
        name = hashlib.sha1(b"commit %d\x00%s" % (len(text), text)).hexdigest()
        if name[:7] in seen:
            made = [_store(bench, seen[name[:7]], "one"), _store(bench, text, "two")]
            return made[0], made[1]
        seen[name[:7]] = text
    raise AssertionError


def _store(bench: Bench, text: bytes, branch: str) -> str:
    where = ("--git-dir", str(bench.origin))
    commit = run_git(*where, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text).strip()
    return bench.repo.branch(branch, commit)


def test_a_commit_on_no_branch_or_tag_is_refused(bench: Bench, url: Url) -> None:
    bench.repo.commit({"a": "1"})
    stray = bench.repo.commit({"a": "of a fork"}, branch="fork")
    bench.repo.delete("heads/fork")

    with pytest.raises(UpstreamError, match="none of its branches or tags") as refused:
        bench.fetch(stray, url=url(bench))

    assert stray in refused.value.message
    assert "fork" in refused.value.hint
    assert not bench.git.clone(bench.folder).has(stray)


def test_a_short_commit_on_no_branch_is_refused(bench: Bench, url: Url) -> None:
    bench.repo.commit({"a": "1"})
    stray = bench.repo.commit({"a": "of a fork"}, branch="fork")
    bench.repo.delete("heads/fork")

    with pytest.raises(UpstreamError, match="none of its branches or tags"):
        bench.fetch(stray[:10], url=url(bench))


def test_the_listing_saves_looking_up_the_history_of_tips(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})
    remote = bench.git.list_refs(bench.http_url)
    bench.upstream.clear_log()
    row = RefRow(commit, RefKind.COMMIT, commit)

    bench.git.fetch(bench.http_url, bench.folder, [row], remote=remote)

    posts = [request for request in bench.upstream.requests if request.method == "POST"]
    assert len(posts) == 1  # the pack


def test_a_host_that_gives_tips_only_is_fetched_whole(bench: Bench) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})
    bench.upstream.refuse_shas("owner/name")

    found = bench.fetch("main", first, url=bench.http_url)

    clone = bench.git.clone(bench.folder)
    assert found[1].commit == first
    assert clone.read_file(first, "a") == b"1"


def test_a_host_without_filters_is_fetched_whole(bench: Bench, url: Url) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})
    run_git("--git-dir", str(bench.origin), "config", "uploadpack.allowFilter", "false")

    (found,) = bench.fetch(first[:9], url=url(bench))

    assert found.commit == first


def test_a_plain_web_server_will_do(bench: Bench) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})
    bench.repo.annotate("v1", at=first)
    run_git("--git-dir", str(bench.origin), "gc", "--quiet")
    run_git("--git-dir", str(bench.origin), "update-server-info")
    for path in bench.origin.rglob("*"):
        if path.is_file():
            bench.upstream.hold(f"/dumb/{path.relative_to(bench.origin).as_posix()}", path)

    found = bench.fetch("main", "v1", first[:8], url=bench.upstream.url("/dumb"))

    assert [row.commit for row in found[1:]] == [first, first]
    assert bench.git.clone(bench.folder).read_file(first, "a") == b"1"


def test_a_tag_of_no_commit_is_refused_by_name(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    where = ("--git-dir", str(bench.origin))
    blob = run_git(*where, "hash-object", "-w", "--stdin", stdin=b"key").strip()
    run_git(*where, "update-ref", "refs/tags/key", blob)

    with pytest.raises(UpstreamError, match="key is no commit"):
        bench.fetch("key")


def test_a_ref_that_vanished_after_the_listing_is_told(bench: Bench, url: Url) -> None:
    commit = bench.repo.commit({"a": "1"})
    bench.repo.tag("v1", commit)
    rows = bench.rows("v1")
    bench.repo.delete("tags/v1")

    with pytest.raises(UpstreamError, match="refs/tags/v1"):
        bench.git.fetch(url(bench), bench.folder, rows)


@pytest.mark.parametrize(
    "row",
    [
        RefRow("--upload-pack=touch x", RefKind.BRANCH, ""),
        RefRow("main:refs/heads/evil", RefKind.BRANCH, ""),
        RefRow("main\n+refs/heads/a:refs/heads/b", RefKind.TAG, ""),
        RefRow("-x", RefKind.COMMIT, ""),
        RefRow("1234567", RefKind.COMMIT, "--output=x"),
    ],
)
def test_refs_that_are_none_never_reach_git(bench: Bench, row: RefRow) -> None:
    with pytest.raises(InvalidInputError):
        bench.git.fetch(bench.file_url, bench.folder, [row])

    assert not bench.folder.exists()


# What is left in the clone -------------------------------------------------------------------


def test_no_address_is_left_in_the_clone(bench: Bench) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})
    url = bench.http_url.replace("//", "//user:hunter2-token@")

    bench.git.fetch(url, bench.folder, bench.rows("main", first, first[:8]))

    left = [path for path in bench.folder.parent.rglob("*") if path.is_file()]
    assert left
    assert all(b"hunter2" not in path.read_bytes() for path in left)
    assert all(b"127.0.0.1" not in path.read_bytes() for path in left)
    assert [path.name for path in bench.folder.parent.iterdir()] == [bench.folder.name]


def test_locks_of_a_killed_git_are_cleared(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    bench.fetch("main")
    second = bench.repo.commit({"a": "2"})
    for name in ("shallow.lock", "packed-refs.lock", "HEAD.lock", "config.lock",
                 "refs/hubmirror/commits/x.lock", "objects/pack/tmp_pack_x"):  # fmt: skip
        (bench.folder / name).write_bytes(b"")
    (bench.folder / "index-x").mkdir()

    (found,) = bench.fetch("main")

    assert found.commit == second
    assert not list(bench.folder.rglob("*.lock"))
    assert not list(bench.folder.rglob("tmp_*"))
    assert not (bench.folder / "index-x").exists()


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "HEAD").unlink(),
        lambda folder: (folder / "config").write_bytes(b"[core\n"),
        lambda folder: (folder / "HEAD").write_bytes(b""),
        lambda folder: [path.write_bytes(b"") for path in folder.glob("objects/pack/*.pack")],
        lambda folder: [path.unlink() for path in folder.glob("objects/pack/*")],
    ],
)
def test_a_damaged_clone_is_made_anew(bench: Bench, harm: Callable[[Path], object]) -> None:
    bench.repo.commit({"a": "1"})
    bench.fetch("main")
    for path in bench.folder.glob("objects/pack/*"):
        path.chmod(0o644)
    harm(bench.folder)
    second = bench.repo.commit({"a": "2"})

    (found,) = bench.fetch("main")

    assert found.commit == second
    assert contents(bench.snapshot(second)[1]) == {"a": b"2"}


def test_a_lost_object_condemns_the_clone_and_the_next_fetch_heals_it(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})
    rows = bench.fetch("main")
    for path in bench.folder.glob("objects/pack/*"):
        path.unlink()

    with pytest.raises(StorageError, match="damaged"):
        bench.snapshot(commit)
    bench.git.fetch(bench.file_url, bench.folder, rows)

    assert contents(bench.snapshot(commit)[1]) == {"a": b"1"}


def test_asking_for_a_commit_that_never_came_harms_nothing(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})
    bench.fetch("main")

    with pytest.raises(StorageError, match="never fetched"):
        bench.snapshot("0" * 40)

    assert bench.git.clone(bench.folder).has(commit)


# Failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "says", "unreachable"),
    [
        (faults.Status(404), "not found, or is private", False),
        (faults.Status(401, {"WWW-Authenticate": "Basic"}), "refuses the login", False),
        (faults.Status(403), "refuses the login", False),
        (faults.Status(429), "limits how often", True),
        (faults.Status(503), "fault of its own", True),
        (faults.HtmlPage(), "no branch and no tag", False),
        (faults.HangUp(), "no answer from the host", True),
        (faults.Reset(after_bytes=10), "no answer from the host", True),
    ],
)
def test_a_failure_is_told_in_plain_words(
    bench: Bench, fault: faults.Fault, says: str, unreachable: bool
) -> None:
    bench.repo.commit({"a": "1"})
    bench.upstream.fault_repo("owner/name", fault)
    url = bench.http_url.replace("//", "//user:hunter2@")

    with pytest.raises(UpstreamError, match=says) as failed:
        bench.git.list_refs(url)

    assert failed.value.unreachable is unreachable
    assert bench.http_url in failed.value.message
    assert "hunter2" not in str(failed.value)


def test_a_pack_that_breaks_off_is_unreachable_and_comes_the_next_time(bench: Bench) -> None:
    commit = bench.repo.commit({"a": os.urandom(200_000)})
    rows = bench.rows("main", url=bench.http_url)
    bench.upstream.fault_repo(
        "owner/name", faults.Drop(after_bytes=5000, times=1), service="git-upload-pack"
    )

    with pytest.raises(UpstreamError) as broken:
        bench.git.fetch(bench.http_url, bench.folder, rows)
    (found,) = bench.git.fetch(bench.http_url, bench.folder, rows)

    assert broken.value.unreachable
    assert found.commit == commit


def test_a_pack_with_a_flipped_bit_is_refused(bench: Bench) -> None:
    bench.repo.commit({"a": os.urandom(200_000)})
    rows = bench.rows("main", url=bench.http_url)
    bench.upstream.fault_repo("owner/name", faults.FlippedByte(9000), service="git-upload-pack")

    with pytest.raises(UpstreamError):
        bench.git.fetch(bench.http_url, bench.folder, rows)

    assert not bench.git.clone(bench.folder).has(rows[0].commit)


def test_a_host_that_says_nothing_is_given_up(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    bench.upstream.fault_repo("owner/name", faults.Silence(seconds=30))

    with GitUpstream(timeout_s=1) as git, pytest.raises(UpstreamError) as silent:
        git.list_refs(bench.http_url)

    assert silent.value.unreachable
    assert "127.0.0.1" in silent.value.message


def test_a_closed_port_and_an_unknown_host_are_unreachable(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    url = bench.http_url
    bench.upstream.stop()

    for address in (url, "https://no-such-host.invalid/a/b", "ssh://127.0.0.1:1/a/b"):
        with pytest.raises(UpstreamError) as failed:
            bench.git.list_refs(address)
        assert failed.value.unreachable


def test_a_missing_folder_is_no_repository(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="not found") as missing:
        bench.git.list_refs(f"file://{tmp_path}/nothing")

    assert not missing.value.unreachable


def test_a_certificate_is_trusted_when_it_is_named_only(tmp_path: Path) -> None:
    ca = make_ca(tmp_path)

    with Upstream(tmp_path / "upstream", tls=server_context(ca)) as up:
        commit = RepoBuilder.create(up, "owner/name").commit({"a": "1"})
        url = up.git_url("owner/name")

        with GitUpstream(ca_bundle=str(ca)) as trusting:
            assert trusting.list_refs(url).branches == {"main": commit}
        with (
            GitUpstream() as git,
            pytest.raises(UpstreamError, match="certificate is not trusted") as refused,
        ):
            git.list_refs(url)

    assert "ca_bundle" in refused.value.hint


def test_a_login_in_netrc_is_used(bench: Bench, sealed: Path) -> None:
    commit = bench.repo.commit({"a": "1"})
    login = b64encode(b"user:hunter2").decode()
    bench.upstream.fault_repo("owner/name", faults.WantsAuthorization(f"Basic {login}"))
    with pytest.raises(UpstreamError, match="private") as refused:
        bench.git.list_refs(bench.http_url)
    (sealed / ".netrc").write_text("machine 127.0.0.1 login user password hunter2\n")
    (sealed / ".netrc").chmod(0o600)

    assert bench.git.list_refs(bench.http_url).branches == {"main": commit}
    assert "netrc" in refused.value.hint


def test_a_missing_git_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "env").symlink_to("/usr/bin/env")
    for path, leaked in (("/nowhere", ""), (str(tmp_path / "bin"), "/somewhere")):
        monkeypatch.setenv("PATH", path)
        monkeypatch.setenv("GIT_DIR", leaked)  # makes `env` start git

        with pytest.raises(StorageError, match="git is not installed"):
            GitUpstream().list_refs(bench.file_url)


def test_a_git_that_is_too_old_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\necho git version 2.25.1\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(StorageError, match=r"2\.31\.0 or newer is needed, got 'git version 2\.25"):
        bench.git.list_refs(bench.file_url)


def test_the_module_can_be_imported_where_git_is_missing() -> None:
    code = "import hubmirror.upstream.repos"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PATH": "/nowhere"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")


def test_many_threads_may_ask_at_once(bench: Bench, tmp_path: Path) -> None:
    commit = bench.repo.commit({"a": "1"})
    rows = bench.rows("main")

    def fetch(number: int) -> str:
        found = bench.git.fetch(bench.http_url, tmp_path / f"{number}.git", rows)
        return found[0].commit

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(fetch, range(16))) == {commit}
