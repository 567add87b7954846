"""A repo at one commit as a tar: the same bytes on every host, from every clone.

Owns: the order in which what was judged is written. Invariant: members are raw git blobs, or
the objects that a commit names by their sha256, sorted by name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hubmirror.errors import StorageError, UpstreamError
from hubmirror.files import CHUNK_BYTES
from hubmirror.records import Digest
from hubmirror.upstream import tars
from hubmirror.upstream.attributes import Stamp
from hubmirror.upstream.clones import Clone, TreeEntry
from hubmirror.upstream.pointers import Pointed, Pointer, read_pointer
from hubmirror.upstream.submodules import Submodule
from hubmirror.upstream.trees import LINK, SUBMODULE, Tree, read_tree, shown

_BATCH_BYTES = 1024 * 1024
_MOST_FILLED_BYTES = 64 * 1024 * 1024  # in memory at once, for export-subst

_NOT_KEPT_BY_LFS = " without `filter=lfs` in .gitattributes"

Bring = Callable[[Sequence[Pointed]], Mapping[Digest, Path]]
"""Brings in what Git LFS pointers stand for; says in which file each object is, whole."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was written.

    Attributes:
        findings: What the tar has not as the commit has it, one sentence each, sorted.
    """

    digest: Digest
    size_bytes: int
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a snapshot has of that which is not in the commit itself.

    Attributes:
        max_bytes: Refuse more bytes of files than this.
        refuse_pointers: Whether Git LFS pointers refuse the snapshot.
        submodules: What stands in the folders of submodules; empty folders when absent.
        url: The repo's git address.
        bring: Puts in place of Git LFS pointers what they stand for; None leaves them.
    """

    max_bytes: int | None = None
    refuse_pointers: bool = False
    submodules: Mapping[str, Submodule] = field(default_factory=dict)
    url: str = ""
    bring: Bring | None = None


_PLAIN = Choices()


def write_snapshot(
    clone: Clone, commit: str, stream: IO[bytes], choices: Choices = _PLAIN
) -> Snapshot:
    """Write a commit as a tar; what it says of itself comes back.

    Left out, each with a finding: what export-ignore names, submodules that were not chosen
    (an empty folder stands for each) and symlinks that lead nowhere or out of the tree of their
    own repo. Git LFS pointers that are not replaced are written as they are, with a finding.

    Raises:
        UpstreamError: for names that no tree may have (``..``, ``.git``, absolute), for more
            bytes than the limit, and for pointers that are refused, or cannot be replaced.
        StorageError: when a clone lacks a commit or something of it.
    """
    repo = Submodule(clone, commit, choices.submodules, choices.url)
    with contextlib.ExitStack() as ends:
        tree = read_tree(repo, ends, with_pointers=choices.bring is not None)
        _check_size(commit, tree.size_bytes(), choices.max_bytes)
        pointed = tuple(tree.pointed())
        objects = choices.bring(pointed) if choices.bring and pointed else {}
        writer = _Writer(stream, objects, _NOT_KEPT_BY_LFS if choices.bring else "")
        writer.write(tree)
    if choices.refuse_pointers and writer.pointers:
        raise UpstreamError(
            f"commit {commit}: Git LFS pointers stand in place of {', '.join(writer.pointers)}",
            hint="write `lfs: pointer` to mirror the pointers as they are",
        )
    return writer.end()


def _check_size(commit: str, total: int, max_bytes: int | None) -> None:
    if max_bytes is not None and total > max_bytes:
        raise UpstreamError(
            f"commit {commit}: its files are {total} bytes, the limit is {max_bytes}",
            hint="raise `max_size` of the repo or under `settings:` if this is meant",
        )


@dataclass(slots=True)
class _Writer:
    """Writes members in the order given; gathers small ones, so that each costs little."""

    stream: IO[bytes]
    objects: Mapping[Digest, Path]
    remark: str
    findings: list[str] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)
    size_bytes: int = 0
    hasher: hashlib._Hash = field(default_factory=hashlib.sha256)
    pending: list[bytes] = field(default_factory=list)
    pending_bytes: int = 0

    def write(self, tree: Tree) -> None:
        self.findings += tree.findings
        aside = (LINK, SUBMODULE)
        files = [e for e in tree.entries if e.mode not in aside and e.path not in tree.pointers]
        contents = tree.reader.each([entry.object_id for entry in files])
        for entry in tree.entries:
            path = tree.prefix + entry.path
            name = os.fsencode(path)
            if entry.mode == LINK:
                self._put(tars.link_member(name, tree.targets[entry.path]))
            elif entry.mode == SUBMODULE:
                self._put(tars.folder_member(name))
                if inner := tree.within.get(entry.path):
                    self.write(inner)
                else:
                    self.findings.append(f"submodule {shown(path)} is not included")
            elif pointer := tree.pointers.get(entry.path):
                self._object(path, entry, pointer)
            else:
                filling = tree.stamp if entry.path in tree.substituted else None
                self._file(path, entry, filling, *next(contents))
        next(contents, None)  # lets it see that the last one was whole

    def _file(
        self, path: str, entry: TreeEntry, stamp: Stamp | None, size_bytes: int, content: IO[bytes]
    ) -> None:
        name, is_executable = os.fsencode(path), bool(entry.mode & 0o100)
        if size_bytes > (_MOST_FILLED_BYTES if stamp else _BATCH_BYTES):
            self._put(tars.file_header(name, size_bytes, is_executable=is_executable))
            self._copy(content, size_bytes)
        else:
            whole = self._looked_at(path, content.read(size_bytes), stamp)
            self._put(tars.file_header(name, len(whole), is_executable=is_executable))
            self._put(whole)
            size_bytes = len(whole)
        self._put(tars.padding(size_bytes))

    def _object(self, path: str, entry: TreeEntry, pointer: Pointer) -> None:
        """Write what a pointer stands for in its place."""
        held = self.objects[pointer.digest]
        with held.open("rb") as content:
            size_bytes = os.fstat(content.fileno()).st_size
            if size_bytes != pointer.size_bytes:
                raise StorageError(
                    f"{held}: expected the {pointer.size_bytes} bytes of {shown(path)}, "
                    f"got {size_bytes}"
                )
            name, is_executable = os.fsencode(path), bool(entry.mode & 0o100)
            self._put(tars.file_header(name, size_bytes, is_executable=is_executable))
            self._copy(content, size_bytes)
        self._put(tars.padding(size_bytes))

    def _looked_at(self, path: str, content: bytes, stamp: Stamp | None) -> bytes:
        """Fill in what export-subst asks for; notice pointers."""
        if pointer := read_pointer(content):
            self.pointers.append(shown(path))
            self.findings.append(
                f"{shown(path)} is a Git LFS pointer{self.remark}: "
                f"its {pointer.size_bytes} bytes are not included"
            )
        if stamp is None:
            return content
        content, literal = stamp.fill_in(content)
        self.findings.extend(f"{shown(path)}: {text!r} stays as it is" for text in literal)
        return content

    def _copy(self, content: IO[bytes], size_bytes: int) -> None:
        while size_bytes and (piece := content.read(min(size_bytes, CHUNK_BYTES))):
            self._put(piece)
            size_bytes -= len(piece)

    def _put(self, piece: bytes) -> None:
        self.pending.append(piece)
        self.pending_bytes += len(piece)
        if self.pending_bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        joined = b"".join(self.pending)
        self.pending.clear()
        self.pending_bytes = 0
        self.hasher.update(joined)
        self.size_bytes += len(joined)
        self.stream.write(joined)

    def end(self) -> Snapshot:
        self._put(tars.END)
        self._flush()
        return Snapshot(
            Digest(self.hasher.hexdigest()), self.size_bytes, tuple(sorted(self.findings))
        )
