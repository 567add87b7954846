"""What a repo, a manifest's author or the surroundings might try."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.upstream.addresses import Address
from hubmirror.upstream.snapshots import write_snapshot
from hubmirror.upstream.surroundings import surroundings
from tests.git.conftest import Bench
from tests.upstream.gitcmd import run_git


def tree_of(mode: bytes, name: bytes, object_id: bytes) -> bytes:
    return mode + b" " + name + b"\0" + object_id


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b".Git", b"/etc", b"a/../../b", b"../b", b"a//b"]
)
def test_a_name_that_no_tree_may_have_refuses_the_snapshot(bench: Bench, name: bytes) -> None:
    commit = bench.forge(tree_of(b"100644", name, bench.blob(b"evil")))
    stream = io.BytesIO()

    with pytest.raises(UpstreamError, match="no honest git") as refused:
        write_snapshot(bench.git.clone(bench.folder), commit, stream)

    assert commit in refused.value.message
    assert stream.getvalue() == b""


@pytest.mark.parametrize("folder", [b"..", b".git", b"."])
def test_a_folder_that_no_tree_may_have_refuses_the_snapshot(bench: Bench, folder: bytes) -> None:
    inner = bench.forge(tree_of(b"100644", b"hooks", bench.blob(b"evil")))
    inner_tree = bytes.fromhex(bench.in_clone("rev-parse", f"{inner}^{{tree}}"))
    commit = bench.forge(tree_of(b"40000", folder, inner_tree))

    with pytest.raises(UpstreamError, match="no honest git"):
        bench.snapshot(commit)


def test_a_name_that_comes_twice_refuses_the_snapshot(bench: Bench) -> None:
    link = tree_of(b"120000", b"a", bench.blob(b"/etc"))
    file = tree_of(b"100644", b"a", bench.blob(b"evil"))

    with pytest.raises(UpstreamError, match="no honest git"):
        bench.snapshot(bench.forge(link + file))


def test_a_link_that_is_also_a_folder_refuses_the_snapshot(bench: Bench) -> None:
    inner = bench.forge(tree_of(b"100644", b"passwd", bench.blob(b"evil")))
    inner_tree = bytes.fromhex(bench.in_clone("rev-parse", f"{inner}^{{tree}}"))
    link = tree_of(b"120000", b"a", bench.blob(b"/etc"))

    with pytest.raises(UpstreamError, match="no honest git"):
        bench.snapshot(bench.forge(link + tree_of(b"40000", b"a", inner_tree)))


def test_git_itself_refuses_such_a_tree_on_its_way(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    where = ("--git-dir", str(bench.origin))
    blob = bytes.fromhex(run_git(*where, "hash-object", "-w", "--stdin", stdin=b"evil").strip())
    literally = ("hash-object", "-t", "tree", "--literally", "-w", "--stdin")
    tree = run_git(*where, *literally, stdin=tree_of(b"100644", b".git", blob)).strip()
    commit = run_git(
        *where, "-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", "-m", "x", tree
    ).strip()
    bench.repo.branch("main", commit)

    with pytest.raises(UpstreamError, match="malformed"):
        bench.fetch("main")

    assert not bench.git.clone(bench.folder).has(commit)


def test_a_bomb_of_trees_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubmirror.upstream.git._MOST_ANSWER_BYTES", 1_000_000)
    tree = tree_of(b"100644", b"f", bench.blob(b"x"))
    for _ in range(8):
        commit = bench.forge(tree)
        inner = bytes.fromhex(bench.in_clone("rev-parse", f"{commit}^{{tree}}"))
        tree = b"".join(tree_of(b"40000", b"d%d" % number, inner) for number in range(10))

    with pytest.raises(UpstreamError, match="more than 1000000 bytes"):
        bench.snapshot(bench.forge(tree))


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'touch {}'", "--upload-pack=touch {}", "ext::touch% {}"]
)
def test_an_address_never_becomes_a_command(bench: Bench, tmp_path: Path, url: str) -> None:
    touched = tmp_path / "touched"

    with pytest.raises(InvalidInputError):
        bench.git.list_refs(url.format(touched))
    with pytest.raises(InvalidInputError):
        bench.git.fetch(url.format(touched), bench.folder, [])

    assert not touched.exists()


@pytest.mark.parametrize("commit", ["--name-only", "HEAD", "", "1" * 39, "1" * 40 + "\n"])
def test_a_commit_is_a_full_id_and_never_an_option(bench: Bench, commit: str) -> None:
    clone = bench.git.clone(bench.folder)

    with pytest.raises(InvalidInputError):
        clone.tree(commit)
    with pytest.raises(InvalidInputError):
        clone.read_file(commit, "hubconf.py")


def test_hooks_and_templates_of_the_host_are_never_run(
    bench: Bench, tmp_path: Path, sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = tmp_path / "touched"
    hook = f"#!/bin/sh\ntouch {touched}\n"
    for folder in (tmp_path / "template" / "hooks", tmp_path / "hooks"):
        folder.mkdir(parents=True)
        for name in ("post-checkout", "reference-transaction", "post-index-change"):
            (folder / name).write_text(hook)
            (folder / name).chmod(0o755)
    (sealed / ".gitconfig").write_text(
        f"[init]\ntemplateDir = {tmp_path}/template\n[core]\nhooksPath = {tmp_path}/hooks\n"
        f"fsmonitor = touch {touched}\nsshCommand = touch {touched}\n"
        f'[credential]\nhelper = !touch {touched}\n[url "ext::touch {touched}"]\ninsteadOf = file\n'
    )
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    commit = bench.repo.commit({".gitattributes": "x export-ignore\n", "a": "1"})

    bench.fetch("main")
    bench.snapshot(commit)

    assert not touched.exists()
    assert not (bench.folder / "hooks").exists()


def test_what_somebody_wrote_into_the_clone_is_not_obeyed(bench: Bench, tmp_path: Path) -> None:
    bench.repo.commit({"a": "1"})
    bench.fetch("main")
    touched = tmp_path / "touched"
    with (bench.folder / "config").open("a") as config:
        config.write(f'[remote "upstream"]\nuploadpack = touch {touched};\n')
    bench.repo.commit({"a": "2"})

    bench.fetch("main")

    assert not touched.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_DIR", "/nowhere"),
        ("GIT_WORK_TREE", "/nowhere"),
        ("GIT_INDEX_FILE", "/nowhere/index"),
        ("GIT_OBJECT_DIRECTORY", "/nowhere"),
        ("GIT_ALTERNATE_OBJECT_DIRECTORIES", "/nowhere"),
        ("GIT_NAMESPACE", "elsewhere"),
        ("GIT_CONFIG_PARAMETERS", "'fetch.fsckobjects=x'"),
        ("GIT_CONFIG_COUNT", "nonsense"),
        ("GIT_SHALLOW_FILE", "/nowhere"),
        ("GIT_TRACE", "1"),
        ("GIT_CURL_VERBOSE", "1"),
        ("GIT_ASKPASS", "/nowhere"),
        ("GIT_PROTOCOL", "version=0"),
        ("GIT_QUARANTINE_PATH", "/nowhere"),
        ("GIT_DEFAULT_HASH", "sha256"),
        ("GIT_PYTHON_REFRESH", "raise"),
    ],
)
def test_git_variables_of_the_caller_do_not_reach_git(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    commit = bench.repo.commit({".gitattributes": "x export-ignore\n", "a": "1", "x": "1"})
    monkeypatch.setenv(name, value)

    found = bench.fetch("main")

    assert [row.commit for row in found] == [commit]
    assert len(bench.snapshot(commit)[0].findings) == 1


def test_a_current_folder_that_is_gone_or_a_repo_does_not_matter(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = bench.repo.commit({"a": "1"})
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    (found,) = bench.fetch("main")

    assert found.commit == commit
    monkeypatch.chdir(tmp_path)


def test_proxies_and_certificates_reach_git() -> None:
    environ = {"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:2", "HOME": "/home/x"}
    around = surroundings(
        environ, folder=None, address=Address.parse("https://h/x"), ca_bundle="/ca.pem"
    )

    assert around.given["http_proxy"] == "http://p:1"
    assert around.given["GIT_SSL_CAINFO"] == "/ca.pem"
    assert around.taken == ()


def test_a_deploy_key_is_kept_and_nobody_is_prompted() -> None:
    environ = {"GIT_SSH_COMMAND": "ssh -i key", "GIT_SSL_NO_VERIFY": "1"}
    around = surroundings(environ, folder=None, address=Address.parse("git@host:x"))

    assert around.given["GIT_SSH_COMMAND"].startswith("ssh -i key -oBatchMode=yes")
    assert around.given["GIT_TERMINAL_PROMPT"] == "0"
    assert around.given["GIT_ALLOW_PROTOCOL"] == "ssh"
    assert around.taken == ("GIT_SSL_NO_VERIFY",)


def test_reading_a_clone_allows_no_transport(bench: Bench) -> None:
    around = surroundings(os.environ, folder=bench.folder, address=None)

    assert around.given["GIT_ALLOW_PROTOCOL"] == ""
