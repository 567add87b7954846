"""The stand-in serves git as git knows it."""

import gzip
import http.client
import random
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.upstream import RepoBuilder, Upstream
from tests.upstream.faults import Drop, NoEtag
from tests.upstream.gitcmd import git_environment
from tests.upstream.repos import Executable, Submodule, Symlink

NAME = "acme/nets"
LS_REFS = b"0014command=ls-refs\n00010000"


@pytest.fixture
def repo(up: Upstream) -> RepoBuilder:
    builder = RepoBuilder.create(up, NAME)
    noise = random.Random(1).randbytes(20_000)
    builder.commit({"hubconf.py": "x = 1\n", "old.py": "", "weights.bin": noise})
    builder.tag("v1")
    builder.commit({"hubconf.py": "x = 2\n", "old.py": None})
    builder.annotate("v2")
    builder.branch("feature/x", "v1")
    return builder


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=dict(git_environment()),
        capture_output=True,
        text=True,
        check=False,
    )


def connect(up: Upstream) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", up.port, timeout=5)


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        data: bytes = answer.read()
    return data


@pytest.mark.parametrize("suffix", ["", ".git", "/"])
def test_a_clone_has_the_served_commits(
    up: Upstream, repo: RepoBuilder, tmp_path: Path, suffix: str
) -> None:
    done = git(tmp_path, "clone", up.git_url(NAME) + suffix, "clone")

    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "clone", "rev-parse", "HEAD").stdout.strip() == repo.resolve("main")
    assert (tmp_path / "clone/hubconf.py").read_text() == "x = 2\n"
    assert not (tmp_path / "clone/old.py").exists()


def test_a_shallow_clone_gets_one_commit(up: Upstream, repo: RepoBuilder, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--depth", "1", up.git_url(NAME), "clone")

    assert git(tmp_path / "clone", "rev-list", "--count", "HEAD").stdout.strip() == "1"


def test_a_blobless_clone_leaves_the_blobs(up: Upstream, repo: RepoBuilder, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--bare", "--filter=blob:none", up.git_url(NAME), "clone")

    missing = git(tmp_path / "clone", "rev-list", "--all", "--objects", "--missing=print").stdout
    assert len(re.findall(r"^\?", missing, re.MULTILINE)) == 4


@pytest.mark.parametrize("version", ["0", "2"])
def test_a_commit_can_be_fetched_by_its_sha(
    up: Upstream, repo: RepoBuilder, tmp_path: Path, version: str
) -> None:
    inner = repo.resolve("main")
    repo.commit({"more.py": ""})
    git(tmp_path, "init", "clone")

    fetch = ("-c", f"protocol.version={version}", "fetch", "--depth", "1", up.git_url(NAME), inner)
    done = git(tmp_path / "clone", *fetch)

    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "clone", "rev-parse", "FETCH_HEAD").stdout.strip() == inner


def test_a_repository_can_refuse_shas(up: Upstream, repo: RepoBuilder, tmp_path: Path) -> None:
    inner = repo.resolve("v1")
    repo.delete("tags/v1")
    repo.delete("heads/feature/x")
    up.refuse_shas(NAME)
    git(tmp_path, "init", "clone")

    done = git(tmp_path / "clone", "fetch", up.git_url(NAME), inner)

    assert "not allow request for unadvertised object" in done.stderr


def test_ls_remote_names_the_default_branch(up: Upstream, tmp_path: Path) -> None:
    builder = RepoBuilder.create(up, NAME, default_branch="master")
    commit = builder.commit({"hubconf.py": ""})

    printed = git(tmp_path, "ls-remote", "--symref", up.git_url(NAME)).stdout

    assert printed.splitlines()[:2] == ["ref: refs/heads/master\tHEAD", f"{commit}\tHEAD"]


def test_refs_are_the_commits_that_a_client_sees(
    up: Upstream, repo: RepoBuilder, tmp_path: Path
) -> None:
    lines = git(tmp_path, "ls-remote", up.git_url(NAME)).stdout.split()
    remote = dict(zip(lines[1::2], lines[::2], strict=True))

    assert repo.refs() == {
        "heads/main": remote["refs/heads/main"],
        "heads/feature/x": remote["refs/heads/feature/x"],
        "tags/v1": remote["refs/tags/v1"],
        "tags/v2": remote["refs/tags/v2^{}"],
    }
    assert remote["refs/tags/v2"] != remote["refs/tags/v2^{}"]


def test_a_renamed_repository_redirects(up: Upstream, repo: RepoBuilder, tmp_path: Path) -> None:
    repo.rename("new-owner/nets")
    repo.rename("newest-owner/nets")

    done = git(tmp_path, "clone", up.git_url(NAME), "clone")

    assert done.returncode == 0, done.stderr
    assert [r.status for r in up.requests[:3]] == [301, 301, 200]
    assert up.asked_git() == [NAME, "new-owner/nets", "newest-owner/nets"]


def test_the_letter_case_of_a_repository_does_not_matter(up: Upstream, repo: RepoBuilder) -> None:
    assert read(up.git_url("Acme/NETS") + "/info/refs?service=git-upload-pack")


def test_an_unknown_or_removed_repository_is_not_found(up: Upstream, repo: RepoBuilder) -> None:
    up.remove_repo(NAME)

    for name in (NAME, "acme/never", "..", "acme/.."):
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            read(up.git_url(name) + "/info/refs?service=git-upload-pack")
        caught.value.close()


def test_commits_are_the_same_on_every_machine(up: Upstream) -> None:
    first = RepoBuilder.create(up, "one/one")
    second = RepoBuilder.create(up, "two/two")

    for builder in (first, second):
        builder.commit({"a": "1"})
        builder.commit({"b": b"\r\n\0"})

    assert first.resolve("main") == second.resolve("main")
    assert first.resolve("main") == "88a89e25428da14cf5ab62f04f77e10def75b7f6"


def test_modes_and_odd_names_are_kept(up: Upstream, repo: RepoBuilder) -> None:
    repo.commit(
        {
            "run.sh": Executable("#!/bin/sh\n"),
            "link": Symlink("hubconf.py"),
            "third_party/x": Submodule("1" * 40),
            'odd "name"\\\n.py': "",
        },
        branch="odd",
    )

    tree = git(up.repo_folder(NAME), "ls-tree", "-r", "-z", "odd").stdout.split("\0")

    modes = {line.split("\t")[1]: line.split()[0] for line in tree if line}
    assert modes == {
        "run.sh": "100755",
        "link": "120000",
        "third_party/x": "160000",
        'odd "name"\\\n.py': "100644",
    }


@pytest.mark.parametrize("encoding", ["plain", "gzip", "chunked"])
def test_git_requests_come_in_every_encoding(
    up: Upstream, repo: RepoBuilder, encoding: str
) -> None:
    headers = {"Git-Protocol": "version=2", "Content-Type": "application/x-git-upload-pack-request"}
    body = gzip.compress(LS_REFS) if encoding == "gzip" else LS_REFS
    if encoding == "gzip":
        headers["Content-Encoding"] = "gzip"
    connection = connect(up)

    connection.request(
        "POST",
        f"/git/{NAME}/git-upload-pack",
        iter([body[:7], body[7:]]) if encoding == "chunked" else body,
        headers,
        encode_chunked=encoding == "chunked",
    )

    answer = connection.getresponse().read()
    connection.close()
    assert repo.resolve("main").encode() in answer


def test_a_pack_can_break_off_and_then_arrive(
    up: Upstream, repo: RepoBuilder, tmp_path: Path
) -> None:
    up.fault_repo(NAME, Drop(4096, times=1), service="git-upload-pack")

    broken = git(tmp_path, "clone", up.git_url(NAME), "clone")
    whole = git(tmp_path, "clone", up.git_url(NAME), "clone")

    assert broken.returncode != 0
    assert whole.returncode == 0, whole.stderr


def test_a_fault_without_meaning_for_git_is_refused(up: Upstream, repo: RepoBuilder) -> None:
    with pytest.raises(TypeError, match="no such thing"):
        up.fault_repo(NAME, NoEtag())
