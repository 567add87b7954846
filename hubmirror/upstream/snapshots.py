"""A repo at one commit as a tar: the same bytes on every host, from every clone.

Owns: what goes in, and in which order. Invariants: members are raw git blobs, sorted by name;
every file of the commit is there, or a finding names it; nothing in the tar leads out of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from hubmirror.errors import UpstreamError
from hubmirror.files import CHUNK_BYTES
from hubmirror.records import Digest
from hubmirror.upstream import links, tars
from hubmirror.upstream.attributes import Exported, Stamp, read_exported
from hubmirror.upstream.clones import Clone, ObjectReader, TreeEntry
from hubmirror.upstream.submodules import Submodule

_LINK, _SUBMODULE = 0o120000, 0o160000
_BATCH_BYTES = 1024 * 1024
_MOST_FILLED_BYTES = 64 * 1024 * 1024  # in memory at once, for export-subst
_MOST_TARGET_BYTES = 4095  # a longer path cannot be followed
_MOST_POINTER_BYTES = 1024
_BAD_NAME = re.compile(r"(?:^|/)(?:\.{0,2}|\.git)(?:/|$)", re.IGNORECASE)
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*oid sha256:[0-9a-f]{64}\nsize (\d+)\n"
)


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
    """

    max_bytes: int | None = None
    refuse_pointers: bool = False
    submodules: Mapping[str, Submodule] = field(default_factory=dict)


_PLAIN = Choices()


def write_snapshot(
    clone: Clone, commit: str, stream: IO[bytes], choices: Choices = _PLAIN
) -> Snapshot:
    """Write a commit as a tar; what it says of itself comes back.

    Left out, each with a finding: what export-ignore names, submodules that were not chosen
    (an empty folder stands for each) and symlinks that lead nowhere or out of the tree of their
    own repo. Git LFS pointers are written as they are, with a finding.

    Raises:
        UpstreamError: for names that no tree may have (``..``, ``.git``, absolute), for more
            bytes than the limit, and for pointers that are refused.
        StorageError: when a clone lacks a commit or something of it.
    """
    with contextlib.ExitStack() as ends:
        tree = _read_tree(clone, commit, choices.submodules, ends)
        _check_size(commit, tree.size_bytes(), choices.max_bytes)
        writer = _Writer(stream)
        writer.write(tree)
    if choices.refuse_pointers and writer.pointers:
        raise UpstreamError(
            f"commit {commit}: Git LFS pointers stand in place of {', '.join(writer.pointers)}",
            hint="write `lfs: pointer` to mirror the pointers as they are",
        )
    return writer.end()


@dataclass(frozen=True, slots=True)
class _Tree:
    """A repo at a commit, read and judged, ready to be written below ``prefix``."""

    prefix: str
    entries: Sequence[TreeEntry]
    reader: ObjectReader
    findings: Sequence[str]
    targets: Mapping[str, bytes]
    substituted: frozenset[str]
    stamp: Stamp | None
    within: Mapping[str, _Tree]

    def size_bytes(self) -> int:
        own = sum(entry.size_bytes for entry in self.entries)
        return own + sum(tree.size_bytes() for tree in self.within.values())


def _read_tree(
    clone: Clone,
    commit: str,
    submodules: Mapping[str, Submodule],
    ends: contextlib.ExitStack,
    prefix: str = "",
) -> _Tree:
    reader = ends.enter_context(clone.objects())  # gets ready while another git lists the tree
    entries = clone.tree(commit)
    _check_names(commit, entries)
    exported = read_exported(clone, commit, entries, reader)
    chosen, omissions = _exported(entries, exported)
    targets = _read_targets(chosen, reader)
    chosen, dangling = _leading_somewhere(chosen, targets)
    shown = f"submodule {_shown(prefix.rstrip('/'))}: " if prefix else ""
    return _Tree(
        prefix=prefix,
        entries=sorted(chosen, key=lambda entry: os.fsencode(entry.path)),
        reader=reader,
        findings=[shown + finding for finding in (*omissions, *dangling)],
        targets=targets,
        substituted=exported.substituted,
        stamp=Stamp.of(commit, reader.read(commit)) if exported.substituted else None,
        within={
            entry.path: _read_tree(
                one.clone, one.commit, one.within, ends, f"{prefix}{entry.path}/"
            )
            for entry in chosen
            if (one := submodules.get(entry.path))
        },
    )


def _check_names(commit: str, entries: Sequence[TreeEntry]) -> None:
    """Refuse a tree that could write outside itself, however it got past git's own checks."""
    paths = {entry.path for entry in entries}
    bad = next((entry.path for entry in entries if _BAD_NAME.search(entry.path)), None)
    if bad is None and len(paths) < len(entries):
        bad = next(path for path, count in Counter(e.path for e in entries).items() if count > 1)
    if bad is None:
        bad = min(links.folders_of(paths) & paths, default=None)
    if bad is not None:
        raise UpstreamError(
            f"commit {commit}: its tree has {_shown(bad)}, which no honest git would write",
            hint="do not mirror this commit; tell the owner of the repo",
        )


def _exported(
    entries: Sequence[TreeEntry], exported: Exported
) -> tuple[list[TreeEntry], list[str]]:
    kept = [entry for entry in entries if not exported.leaves_out(entry.path)]
    left_out = {exported.leaves_out(entry.path) for entry in entries} - {""}
    return kept, [f"{_shown(path)} is left out, as export-ignore says" for path in left_out]


def _read_targets(entries: Sequence[TreeEntry], reader: ObjectReader) -> dict[str, bytes]:
    """Read where links lead; one that is too long to be a path leads nowhere."""
    found = [entry for entry in entries if entry.mode == _LINK]
    short = [entry for entry in found if entry.size_bytes <= _MOST_TARGET_BYTES]
    targets = {entry.path: b"" for entry in found}
    contents = reader.each([entry.object_id for entry in short])
    targets.update(
        (entry.path, stream.read(size))
        for entry, (size, stream) in zip(short, contents, strict=True)
    )
    return targets


def _leading_somewhere(
    entries: Sequence[TreeEntry], targets: Mapping[str, bytes]
) -> tuple[list[TreeEntry], list[str]]:
    readable = {
        path: "" if b"\0" in target else os.fsdecode(target) for path, target in targets.items()
    }
    others = {entry.path for entry in entries if entry.mode != _LINK}
    verdicts = links.judge_links(readable, others)
    kept = [entry for entry in entries if entry.path not in verdicts]
    return kept, [
        f"link {_shown(path)} -> {_shown(readable[path])} is left out: {verdict}"
        for path, verdict in verdicts.items()
    ]


def _check_size(commit: str, total: int, max_bytes: int | None) -> None:
    if max_bytes is not None and total > max_bytes:
        raise UpstreamError(
            f"commit {commit}: its files are {total} bytes, the limit is {max_bytes}",
            hint="raise `max_size` of the repo or under `settings:` if this is meant",
        )


def _shown(path: str) -> str:
    """Write a path so that it can be printed and stored, whatever its bytes are."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return text if text.isprintable() else repr(text)


@dataclass(slots=True)
class _Writer:
    """Writes members in the order given; gathers small ones, so that each costs little."""

    stream: IO[bytes]
    findings: list[str] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)
    size_bytes: int = 0
    hasher: hashlib._Hash = field(default_factory=hashlib.sha256)
    pending: list[bytes] = field(default_factory=list)
    pending_bytes: int = 0

    def write(self, tree: _Tree) -> None:
        self.findings += tree.findings
        files = [e.object_id for e in tree.entries if e.mode not in (_LINK, _SUBMODULE)]
        contents = tree.reader.each(files)
        for entry in tree.entries:
            path = tree.prefix + entry.path
            name = os.fsencode(path)
            if entry.mode == _LINK:
                self._put(tars.link_member(name, tree.targets[entry.path]))
            elif entry.mode == _SUBMODULE:
                self._put(tars.folder_member(name))
                if inner := tree.within.get(entry.path):
                    self.write(inner)
                else:
                    self.findings.append(f"submodule {_shown(path)} is not included")
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

    def _looked_at(self, path: str, content: bytes, stamp: Stamp | None) -> bytes:
        """Fill in what export-subst asks for; notice pointers."""
        if len(content) <= _MOST_POINTER_BYTES and (found := _POINTER.fullmatch(content)):
            self.pointers.append(_shown(path))
            self.findings.append(
                f"{_shown(path)} is a Git LFS pointer: its {int(found[1])} bytes are not included"
            )
        if stamp is None:
            return content
        content, literal = stamp.fill_in(content)
        self.findings.extend(f"{_shown(path)}: {text!r} stays as it is" for text in literal)
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
