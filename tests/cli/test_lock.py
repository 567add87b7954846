"""``hubmirror lock``: what is pinned, and how a person accepts what sync refuses."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hubmirror import files
from hubmirror.errors import ExitCode
from tests.cli.shell import Shell
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.writer import wanted

HUB = "acme/plain-weights"


def lock_of(manifest: Path) -> Any:  # whatever JSON holds
    return json.loads(manifest.with_name(f"{manifest.name}.lock").read_text())


def commits(shell: Shell) -> dict[str, str]:
    repo = shell.writer.unit(HUB).repo
    assert repo is not None
    return {ref.name: ref.commit for ref in repo.refs}


def synced(shell: Shell, upstream: Upstream, *refs: str) -> Path:
    """Sync a hub repo with these refs."""
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream), refs=list(refs))])
    assert shell("sync", manifest).code == ExitCode.OK
    return manifest


def test_without_upgrade_it_shows_refs_and_urls(shell: Shell, upstream: Upstream) -> None:
    manifest = synced(shell, upstream, "v1.*")
    before = lock_of(manifest)

    said = shell("lock", manifest)

    assert (said.code, said.err) == (ExitCode.OK, "")
    lines = [line.split() for line in said.out.splitlines()]
    (commit,) = before["repos"][HUB]["snapshots"]
    assert [HUB, "v1.*", "v1.0", "tag", commit] in lines
    url = upstream.url(f"/{HUB}/small.pth")
    (row,) = [line for line in lines if line[:1] == [url]]
    assert row[1] == before["checkpoints"][url]["sha256"]
    assert lock_of(manifest) == before


def test_the_default_branch_is_called_so(shell: Shell, upstream: Upstream) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])
    shell("sync", manifest)

    assert " (default branch)  main " in shell("lock", manifest).out


def test_without_a_lock_it_is_said_who_writes_it(shell: Shell) -> None:
    said = shell("lock", "manifest.yaml")

    assert said.code == ExitCode.NOT_FOUND
    assert said.err.splitlines() == [
        "hubmirror: manifest.yaml.lock: no such lock",
        "  `hubmirror sync MANIFEST` writes it; if it is kept elsewhere: --lock-dir DIR",
    ]


def test_a_lock_with_merge_conflicts_is_faulty_input(shell: Shell) -> None:
    Path("manifest.yaml.lock").write_text("{\n<<<<<<< ours\n}\n")

    said = shell("lock", "manifest.yaml")

    assert said.code == ExitCode.INVALID
    assert "manifest.yaml.lock:2: the lock has merge conflicts" in said.err


def test_a_moved_tag_is_accepted_after_its_pin_was_let_go(shell: Shell, upstream: Upstream) -> None:
    manifest = synced(shell, upstream, "v1.0")
    builder = RepoBuilder(upstream, HUB)
    moved = builder.tag("v1.0", builder.commit({"README.md": "newer"}))
    refused = shell("sync", manifest)

    said = shell("lock", manifest, "--upgrade", f"{HUB}:v1.0")
    after = shell("sync", manifest)

    assert refused.code == ExitCode.REFUSED
    assert f"hubmirror lock MANIFEST --upgrade {HUB}:v1.0" in refused.err
    assert said.out.splitlines() == [
        f"let go of {HUB}:v1.0",
        f"wrote {manifest}.lock; the next `hubmirror sync` resolves anew what was let go",
    ]
    assert after.code == ExitCode.OK
    assert commits(shell) == {"v1.0": moved}
    assert lock_of(manifest)["repos"][HUB]["refs"]["v1.0"][0]["commit"] == moved
    assert shell("sync", manifest).out == "nothing to do: the mirror is up to date\n"


@pytest.mark.parametrize("refs", [["v1.*"], ["v1.0", "v*"]], ids=" ".join)
def test_a_moved_tag_that_a_glob_found_is_accepted_by_its_own_name(
    shell: Shell, upstream: Upstream, refs: list[str]
) -> None:
    manifest = synced(shell, upstream, *refs)
    builder = RepoBuilder(upstream, HUB)
    moved = builder.tag("v1.0", builder.commit({"README.md": "newer"}))
    assert shell("sync", manifest).code == ExitCode.REFUSED

    said = shell("lock", manifest, "--upgrade", "Acme/Plain-Weights:v1.0")
    after = shell("sync", manifest)

    assert f"let go of {HUB}:{refs[-1]} (it stood for v1.0)" in said.out
    assert after.code == ExitCode.OK
    assert commits(shell) == {"v1.0": moved}


def test_two_tags_of_one_glob_are_let_go_together(shell: Shell, upstream: Upstream) -> None:
    builder = RepoBuilder(upstream, hubs.plain_weights(upstream).name)
    builder.tag("v1.1")
    entry = {"repo": HUB, "url": upstream.git_url(HUB), "refs": ["v1.*"]}
    manifest = shell.writer.manifest([entry])
    shell("sync", manifest)

    names = [f"{HUB}:v1.0", f"{HUB}:v1.1"]
    found = shell.document("lock", manifest, "--upgrade", names[0], "--upgrade", names[1])

    assert found["let_go"] == [f"{HUB}:v1.*"]


def test_all_of_a_repo_is_let_go_by_its_name(shell: Shell, upstream: Upstream) -> None:
    manifest = synced(shell, upstream, "v1.0")
    builder = RepoBuilder(upstream, HUB)
    moved = builder.tag("v1.0", builder.commit({"README.md": "newer"}))

    assert shell.document("lock", manifest, "--upgrade", HUB)["repos"] == []
    assert shell("sync", manifest).code == ExitCode.OK
    assert commits(shell) == {"v1.0": moved}


def test_changed_bytes_are_accepted_after_their_pin_was_let_go(
    shell: Shell, upstream: Upstream
) -> None:
    url = upstream.put("/w.pth", b"old")
    manifest = shell.writer.manifest(checkpoints=[{"url": url}])
    shell("sync", manifest)
    upstream.put("/w.pth", b"new")
    shell.blob(url).unlink()
    refused = shell("sync", manifest)

    said = shell("lock", manifest, "--upgrade", url)
    after = shell("sync", manifest)

    assert refused.code == ExitCode.REFUSED
    assert f"hubmirror lock MANIFEST --upgrade {url}" in refused.err
    assert said.out.startswith(f"let go of {url}\n")
    assert after.code == ExitCode.OK
    assert shell.blob(url).read_bytes() == b"new"
    assert lock_of(manifest)["checkpoints"][url]["sha256"] == hashlib.sha256(b"new").hexdigest()


def test_bytes_that_are_still_there_are_no_reason_to_keep_them(
    shell: Shell, upstream: Upstream
) -> None:
    url = upstream.put("/w.pth", b"old")
    manifest = shell.writer.manifest(checkpoints=[{"url": url}])
    shell("sync", manifest)
    upstream.put("/w.pth", b"new")
    assert shell("sync", manifest).out == "nothing to do: the mirror is up to date\n"

    shell("lock", manifest, "--upgrade", url)

    assert shell("sync", manifest).code == ExitCode.OK
    assert shell.blob(url).read_bytes() == b"new"


def test_what_was_let_go_does_not_satisfy_a_locked_sync(shell: Shell, upstream: Upstream) -> None:
    manifest = synced(shell, upstream, "v1.*")

    shell("lock", manifest, "--upgrade", f"{HUB}:v1.0")

    said = shell("sync", manifest, "--locked")
    assert said.code == ExitCode.INVALID
    assert f"{HUB}: ref 'v1.*' is not in the lock" in said.err


@pytest.mark.parametrize("name", [f"{HUB}:v9", "acme/none", "https://h.example/w.pth", "small"])
def test_what_is_not_locked_is_not_found_and_nothing_is_written(
    shell: Shell, upstream: Upstream, name: str
) -> None:
    manifest = synced(shell, upstream, "v1.0")
    before = lock_of(manifest)

    said = shell("lock", manifest, "--upgrade", f"{HUB}:v1.0", "--upgrade", name)

    assert said.code == ExitCode.NOT_FOUND
    assert f"{name!r} is not in the lock of 'team'" in said.err
    assert lock_of(manifest) == before


def test_a_lock_is_looked_for_where_it_is_kept(shell: Shell, upstream: Upstream) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])
    shell("sync", manifest, "--lock-dir", "locks")

    found = shell.document("lock", manifest, "--lock-dir", "locks", "--upgrade", HUB)

    assert found["lock"] == "locks/team.yaml.lock"
    assert [path.name for path in Path("locks").iterdir()] == ["team.yaml.lock"]


def test_it_has_the_documented_keys(shell: Shell, upstream: Upstream) -> None:
    found = shell.document("lock", synced(shell, upstream, "v1.0"))

    assert set(found) == {"lock", "source", "let_go", "repos", "checkpoints"}
    assert found["let_go"] == []
    (repo,) = found["repos"]
    assert set(repo) == {
        "repo",
        "url",
        "default_branch",
        "refs",
        "snapshots",
        "entrypoints",
    }
    assert {key for row in repo["refs"] for key in row} == {"ref", "name", "kind", "commit"}
    pinned = {key for row in repo["snapshots"] for key in row}
    assert pinned == {"commit", "sha256", "size_bytes"}
    assert {key for row in found["checkpoints"] for key in row} == {"url", "sha256", "size_bytes"}


def test_a_pin_is_not_let_go_while_a_sync_is_at_work(shell: Shell, upstream: Upstream) -> None:
    manifest = synced(shell, upstream, "v1.0")
    before = lock_of(manifest)

    with files.exclusive(shell.writer.root / ".incoming" / "writer.lock"):
        said = shell("lock", manifest, "--upgrade", HUB)

    assert said.code == ExitCode.LOCKED
    assert f"held by process {os.getpid()} on " in said.err
    assert lock_of(manifest) == before
