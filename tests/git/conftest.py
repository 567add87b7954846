"""A repo of a stand-in forge, and what hubmirror makes of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.records import RefRow
from hubmirror.upstream.refs import match_refs
from hubmirror.upstream.repos import GitUpstream
from hubmirror.upstream.snapshots import Snapshot, write_snapshot
from tests.upstream import RepoBuilder, Upstream
from tests.upstream.gitcmd import run_git


class Bench:
    """One repo, one clone, and the questions that tests ask of them."""

    def __init__(self, upstream: Upstream, folder: Path) -> None:
        self.upstream = upstream
        self.folder = folder
        self.repo = RepoBuilder.create(upstream, "owner/name")
        self.git = GitUpstream(timeout_s=20)

    @property
    def origin(self) -> Path:
        """The folder of the repo on its forge."""
        return self.upstream.repo_folder("owner/name")

    @property
    def file_url(self) -> str:
        return f"file://{self.origin}"

    @property
    def http_url(self) -> str:
        return self.upstream.git_url("owner/name")

    def rows(self, *typed: str, url: str = "") -> list[RefRow]:
        remote = self.git.list_refs(url or self.file_url)
        return [row for text in typed for row in match_refs(text, remote)]

    def fetch(self, *typed: str, url: str = "") -> tuple[RefRow, ...]:
        return self.git.fetch(url or self.file_url, self.folder, self.rows(*typed, url=url))

    def snapshot(self, commit: str) -> tuple[Snapshot, bytes]:
        stream = io.BytesIO()
        written = write_snapshot(self.git.clone(self.folder), commit, stream)
        return written, stream.getvalue()

    def in_clone(self, *arguments: str, stdin: bytes = b"") -> str:
        return run_git("--git-dir", str(self.folder), *arguments, stdin=stdin).strip()

    def forge(self, tree: bytes) -> str:
        """Put a commit into the clone whose root tree has exactly these bytes."""
        self.git.clone(self.folder).prepare()
        literally = ("hash-object", "-t", "tree", "--literally", "-w", "--stdin")
        return self.forge_commit(self.in_clone(*literally, stdin=tree))

    def forge_commit(self, tree: str) -> str:
        who = "A <a@b> 1577836800 +0000"
        text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nforged\n".encode()
        commit = self.in_clone("hash-object", "-t", "commit", "-w", "--stdin", stdin=text)
        self.git.clone(self.folder).keep([commit])
        return commit

    def blob(self, content: bytes) -> bytes:
        """Put a blob into the clone; its id as a tree holds it."""
        self.git.clone(self.folder).prepare()
        return bytes.fromhex(self.in_clone("hash-object", "-w", "--stdin", stdin=content))


def members(tar: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {member.name: member for member in opened}


def contents(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {
            member.name: stream.read()
            for member in opened
            if member.isreg() and (stream := opened.extractfile(member)) is not None
        }


@pytest.fixture
def bench(upstream: Upstream, tmp_path: Path) -> Iterator[Bench]:
    """A repo, still empty, and the place of its clone."""
    bench = Bench(upstream, tmp_path / "git" / "name.git")
    yield bench
    bench.git.close()
