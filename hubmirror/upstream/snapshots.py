"""A repo at one commit as a tar: the same bytes on every host, from every clone.

Owns: what goes in, and in which order. Invariants: members are raw git blobs, sorted by name;
every file of the commit is there, or a finding names it; nothing in the tar leads out of it.
"""

from __future__ import annotations

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


def write_snapshot(
    clone: Clone, commit: str, stream: IO[bytes], *, max_bytes: int | None = None
) -> Snapshot:
    """Write a commit as a tar; what it says of itself comes back.

    Left out, each with a finding: what export-ignore names, submodules (an empty folder
    stands for each) and symlinks that lead nowhere or out of the tree. Git LFS pointers are
    written as they are, with a finding.

    Raises:
        UpstreamError: for names that no tree may have (``..``, ``.git``, absolute), and for
            more bytes than ``max_bytes``; nothing was written.
        StorageError: when the clone lacks the commit or something of it.
    """
    entries = clone.tree(commit)
    _check_names(commit, entries)
    with clone.objects() as reader:
        exported = read_exported(clone, commit, entries, reader)
        chosen, omissions = _exported(entries, exported)
        targets = _read_targets(chosen, reader)
        chosen, dangling = _leading_somewhere(chosen, targets)
        _check_size(commit, chosen, max_bytes)
        stamp = Stamp.of(commit, reader.read(commit)) if exported.substituted else None
        writer = _Writer(stream, [*omissions, *dangling], targets, exported.substituted, stamp)
        writer.write(sorted(chosen, key=lambda entry: os.fsencode(entry.path)), reader)
    return writer.end()


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


def _check_size(commit: str, entries: Sequence[TreeEntry], max_bytes: int | None) -> None:
    total = sum(entry.size_bytes for entry in entries)
    if max_bytes is not None and total > max_bytes:
        raise UpstreamError(
            f"commit {commit}: its files are {total} bytes, the limit is {max_bytes}",
            hint="raise `max_size` under `settings:` in the manifest if this is meant",
        )


def _shown(path: str) -> str:
    """Write a path so that it can be printed and stored, whatever its bytes are."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return text if text.isprintable() else repr(text)


@dataclass(slots=True)
class _Writer:
    """Writes members in the order given; gathers small ones, so that each costs little."""

    stream: IO[bytes]
    findings: list[str]
    targets: Mapping[str, bytes]
    substituted: frozenset[str]
    stamp: Stamp | None
    size_bytes: int = 0
    hasher: hashlib._Hash = field(default_factory=hashlib.sha256)
    pending: list[bytes] = field(default_factory=list)
    pending_bytes: int = 0

    def write(self, entries: Sequence[TreeEntry], reader: ObjectReader) -> None:
        files = [entry.object_id for entry in entries if entry.mode not in (_LINK, _SUBMODULE)]
        contents = reader.each(files)
        for entry in entries:
            name = os.fsencode(entry.path)
            if entry.mode == _LINK:
                self._put(tars.link_member(name, self.targets[entry.path]))
            elif entry.mode == _SUBMODULE:
                self._put(tars.folder_member(name))
                self.findings.append(f"submodule {_shown(entry.path)} is not included")
            else:
                self._file(entry, name, *next(contents))
        next(contents, None)  # lets it see that the last one was whole

    def _file(self, entry: TreeEntry, name: bytes, size_bytes: int, content: IO[bytes]) -> None:
        is_executable = bool(entry.mode & 0o100)
        is_text = entry.path in self.substituted
        if size_bytes > (_MOST_FILLED_BYTES if is_text else _BATCH_BYTES):
            self._put(tars.file_header(name, size_bytes, is_executable=is_executable))
            self._copy(content, size_bytes)
        else:
            whole = self._looked_at(entry.path, content.read(size_bytes))
            self._put(tars.file_header(name, len(whole), is_executable=is_executable))
            self._put(whole)
            size_bytes = len(whole)
        self._put(tars.padding(size_bytes))

    def _looked_at(self, path: str, content: bytes) -> bytes:
        """Fill in what export-subst asks for; notice pointers."""
        if len(content) <= _MOST_POINTER_BYTES and (found := _POINTER.fullmatch(content)):
            self.findings.append(
                f"{_shown(path)} is a Git LFS pointer: its {int(found[1])} bytes are not included"
            )
        if self.stamp is None or path not in self.substituted:
            return content
        content, literal = self.stamp.fill_in(content)
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
