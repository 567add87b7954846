"""A bare clone in the writer's state: what it holds, and how it is kept sound.

Owns: the folder of a clone. Never touches the network. Invariants: ``.git/config`` has our
text and nothing else; a commit under ``refs/hubmirror/commits/`` is there with its whole
tree; a clone that is damaged is thrown away, since it holds nothing that upstream has not.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hubmirror.errors import InvalidInputError, StorageError
from hubmirror.records import FULL_COMMIT
from hubmirror.upstream.complaints import last_word
from hubmirror.upstream.git import Answer, GitProgram

COMMITS = "refs/hubmirror/commits/"

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
_INDEX = "index-"
_MOST_FILE_BYTES = 64 * 1024 * 1024
_COMMIT_HEAD = re.compile(rb"[0-9a-f]{40} commit (\d+)\n")
_HEAD = re.compile(rb"[0-9a-f]{40} (?:blob|commit) (\d+)\n")
_BLOB_HEAD = re.compile(rb"[0-9a-f]{40} blob (\d+)\n")
_WINDOW = 500  # asked at once: 500 ids fit into a pipe that nobody reads yet


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file, link or submodule of a commit.

    Attributes:
        path: Relative; bytes that are not UTF-8 are kept by surrogateescape.
        mode: As git has it: 0o100644, 0o100755, 0o120000 or 0o160000.
        object_id: The blob; of a submodule the commit.
        size_bytes: 0 for a submodule.
    """

    path: str
    mode: int
    object_id: str
    size_bytes: int


class DamagedCloneError(StorageError):
    """A clone that lacks an object, or cannot be read; the next fetch makes a new one."""


class Clone:
    """A bare clone in ``folder``; made by ``prepare``, filled by ``GitUpstream.fetch``."""

    def __init__(self, program: GitProgram, folder: Path) -> None:
        self.folder = folder.absolute()
        self._program = program

    def prepare(self) -> frozenset[str]:
        """Make the clone, or mend what a killed run left of it; say which commits it holds.

        The caller holds the run lock.
        """
        clear_stale_locks(self.folder)
        held = self._held() if self._looks_whole() else None
        if held is None:
            self.remove()
            self._create()
            held = frozenset()
        config = self.folder / "config"
        if config.read_text(errors="replace") != _CONFIG:
            config.write_text(_CONFIG)
        return held

    def _create(self) -> None:
        """Write what `git init` would, which is little; the name that makes it whole comes last."""
        for name in ("objects/pack", "refs"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "config").write_text(_CONFIG)
        (self.folder / "HEAD").write_text("ref: refs/heads/main\n")

    def remove(self) -> None:
        """Throw the clone away."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _looks_whole(self) -> bool:
        return all((self.folder / name).exists() for name in ("HEAD", "config", "objects"))

    def _held(self) -> frozenset[str] | None:
        answer = self._git(["for-each-ref", "--format=%(objectname)", COMMITS])
        return frozenset(answer.stdout.decode().split()) if answer.status == 0 else None

    def has(self, commit: str) -> bool:
        """Say whether a commit is here with its whole tree."""
        answer = self._git(["rev-parse", "--verify", "--quiet", COMMITS + commit])
        return answer.status == 0

    def keep(self, commits: Iterable[str]) -> None:
        """Remember that these commits are here with their whole trees."""
        lines = "".join(f"update {COMMITS}{commit} {commit}\n" for commit in sorted(set(commits)))
        if lines:
            self._must(["update-ref", "--stdin"], stdin=lines.encode())

    def commits_of(self, names: Sequence[str]) -> dict[str, str]:
        """Return the commit that each full ref name stands for; absent when it is none."""
        asked = "".join(f"{name}^{{commit}}\n" for name in names)
        listing = self._must(
            ["cat-file", "--batch-check=%(objectname) %(objecttype)"], asked.encode()
        )
        found = {}
        for name, line in zip(names, listing.decode().splitlines(), strict=True):
            commit, _, kind = line.rpartition(" ")
            if kind == "commit":
                found[name] = commit
        return found

    def history(self) -> Iterator[str]:
        """Give every commit that some ref reaches."""
        yield from self._must(["rev-list", "--all"]).decode().split()

    def tree(self, commit: str) -> tuple[TreeEntry, ...]:
        """Return every file, link and submodule of a commit, in git's order.

        Raises:
            DamagedCloneError: when something of it is missing.
        """
        _check_commit(commit)
        answer = self._git(["ls-tree", "-r", "-z", "-l", "--full-tree", commit])
        if answer.status and self.has(commit):
            raise self.condemned(f"the tree of {commit}")
        if answer.status:
            raise StorageError(f"{self.folder}: commit {commit} was never fetched")
        return tuple(_entry(line) for line in answer.stdout.split(b"\0") if line)

    def read_file(self, commit: str, path: str) -> bytes | None:
        """Return a file of a commit, following links within it; None when there is none.

        Raises:
            DamagedCloneError: when the commit is not here, or something of it is missing.
            StorageError: when the file is too large to be read at once.
        """
        _check_commit(commit)
        if "\n" in path:
            return None  # the protocol of cat-file is made of lines
        with self._program.conversation(
            ["cat-file", "--batch", "--follow-symlinks"], folder=self.folder
        ) as (stdin, stdout):
            stdin.write(os.fsencode(f"{commit}^{{commit}}\n{commit}:{path}\n"))
            stdin.close()
            found = _COMMIT_HEAD.fullmatch(stdout.readline())
            if found is None:
                raise self.condemned(f"commit {commit}")
            stdout.read(int(found[1]) + 1)
            found = _BLOB_HEAD.fullmatch(stdout.readline())
            if found is None:
                return None
            if int(found[1]) > _MOST_FILE_BYTES:
                raise StorageError(
                    f"{path} at {commit}: {int(found[1])} bytes are too many to read"
                )
            return stdout.read(int(found[1]))

    def read_settings(self, commit: str, path: str) -> dict[str, str]:
        """Return the settings in a file of a commit that is written as git's own are.

        None are there when there is no such file, or it cannot be read as such.
        """
        _check_commit(commit)
        answer = self._git(["config", "--null", "--list", f"--blob={commit}:{path}"])
        lines = os.fsdecode(answer.stdout).split("\0") if answer.status == 0 else []
        return {key: value for key, _, value in (line.partition("\n") for line in lines) if key}

    @contextlib.contextmanager
    def objects(self) -> Iterator[ObjectReader]:
        """Give a reader of many objects, served by one git."""
        with self._program.conversation(["cat-file", "--batch"], folder=self.folder) as pipes:
            yield ObjectReader(self, *pipes)

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> list[bytes]:
        """Return the value of each attribute for each path, by the commit's own rules.

        Paths of folders end with ``/``. The values come in the order of paths, then names.
        """
        with tempfile.TemporaryDirectory(prefix=_INDEX, dir=self.folder) as private:
            index = {"GIT_INDEX_FILE": f"{private}/index"}
            # A checkout is not meant, so names that only Windows and macOS dislike may stay.
            anywhere = ["-c", "core.protectNTFS=false", "-c", "core.protectHFS=false"]
            self._must([*anywhere, "read-tree", commit], extra=index)
            given = b"".join(os.fsencode(path) + b"\0" for path in paths)
            asked = ["check-attr", "--cached", "-z", "--stdin", *names]
            return self._must(asked, given, extra=index).split(b"\0")[2::3]

    def condemned(self, what: str) -> DamagedCloneError:
        """Mark the clone, so that the next fetch makes a new one, and return the error to raise."""
        (self.folder / "HEAD").unlink(missing_ok=True)
        return DamagedCloneError(
            f"{self.folder}: the clone is damaged: {what} cannot be read",
            hint="run this again: the repo is then fetched anew",
        )

    def _git(
        self, arguments: Sequence[str], stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> Answer:
        return self._program.run(arguments, folder=self.folder, stdin=stdin, extra=extra)

    def _must(
        self, arguments: Sequence[str], stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> bytes:
        answer = self._git(arguments, stdin, extra)
        if answer.status:
            lines = answer.stderr.splitlines()
            raise StorageError(f"{self.folder}: git {arguments[-1]} failed: {last_word(lines)}")
        return answer.stdout


class ObjectReader:
    """Reads blobs in the order asked for. One git serves them all; nothing is read ahead."""

    def __init__(self, clone: Clone, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self._clone = clone
        self._stdin = stdin
        self._stdout = stdout

    def each(self, object_ids: Sequence[str]) -> Iterator[tuple[int, IO[bytes]]]:
        """Give size and stream of each object; its reader takes exactly that many bytes.

        Raises:
            DamagedCloneError: when an object is missing, or ends early.
        """
        for start in range(0, len(object_ids), _WINDOW):
            window = object_ids[start : start + _WINDOW]
            self._stdin.write("".join(f"{name}\n" for name in window).encode())
            self._stdin.flush()
            for name in window:
                head = self._stdout.readline()
                found = _HEAD.fullmatch(head)
                if found is None:
                    raise self._clone.condemned(f"object {name}")
                yield int(found[1]), self._stdout
                if self._stdout.read(1) != b"\n":
                    raise self._clone.condemned(f"object {name}")

    def read(self, object_id: str) -> bytes:
        """Return one object that is small."""
        return b"".join(stream.read(size) for size, stream in self.each([object_id]))


def _check_commit(commit: str) -> None:
    if not FULL_COMMIT.fullmatch(commit):
        raise InvalidInputError(f"not a full commit id: {commit!r}")


def _entry(line: bytes) -> TreeEntry:
    head, _, path = line.partition(b"\t")
    mode, _, object_id, size = head.split()
    size_bytes = 0 if size == b"-" else int(size)
    return TreeEntry(os.fsdecode(path), int(mode, 8), object_id.decode(), size_bytes)


def clear_stale_locks(folder: Path) -> None:
    """Remove what a killed git leaves behind and would refuse to work beside.

    The caller holds the run lock, so that no git of ours is at work here.
    """
    for parent, folders, files in os.walk(folder):
        for name in files:
            if name.endswith(".lock") or name.startswith("tmp_"):
                Path(parent, name).unlink(missing_ok=True)
        for name in [name for name in folders if name.startswith((_INDEX, "tmp_objdir"))]:
            shutil.rmtree(Path(parent, name), ignore_errors=True)
            folders.remove(name)
