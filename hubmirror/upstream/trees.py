"""A repo at one commit, read and judged: what a snapshot of it will hold, and what it leaves out.

Owns: which entries are kept. Writes nothing. Invariant: every file of the commit is among the
entries, or a finding names it; no name and no link leads out of the tree.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hubmirror.errors import UpstreamError
from hubmirror.upstream import links
from hubmirror.upstream.attributes import Exported, Stamp, read_exported
from hubmirror.upstream.clones import ObjectReader, TreeEntry
from hubmirror.upstream.pointers import MOST_POINTER_BYTES, Pointed, Pointer, read_pointer
from hubmirror.upstream.submodules import Submodule

LINK, SUBMODULE = 0o120000, 0o160000

_MOST_PATH_BYTES = 4095  # a longer one is no path on Linux
_MOST_FOLDER_BYTES = 1024**3  # of the names of all folders: a few bytes of tree can name many
_BAD_NAME = re.compile(r"(?:^|/)(?:\.{0,2}|\.git)(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tree:
    """A repo at a commit, ready to be written below ``prefix``.

    Attributes:
        entries: What is kept, sorted by name.
        findings: What is left out, one sentence each.
        targets: Where its links lead.
        substituted: The files that export-subst concerns.
        pointers: Those of Git LFS that git would replace, by path; none unless asked for.
        settings: What its ``.lfsconfig`` says, where there are pointers.
        within: Its submodules, by path.
    """

    url: str
    prefix: str
    entries: Sequence[TreeEntry]
    reader: ObjectReader
    findings: Sequence[str]
    targets: Mapping[str, bytes]
    substituted: frozenset[str]
    stamp: Stamp | None
    pointers: Mapping[str, Pointer]
    settings: Mapping[str, str]
    within: Mapping[str, Tree]

    def size_bytes(self) -> int:
        """Return the size of all files, with the objects that pointers stand for."""
        sizes = {entry.path: entry.size_bytes for entry in self.entries}
        sizes |= {path: pointer.size_bytes for path, pointer in self.pointers.items()}
        return sum(sizes.values()) + sum(tree.size_bytes() for tree in self.within.values())

    def pointed(self) -> Iterator[Pointed]:
        """Go through the pointers of the repo, and of each submodule that has some."""
        if self.pointers:
            files = {
                pointer: shown(self.prefix + path)
                for path, pointer in sorted(self.pointers.items(), reverse=True)
            }
            yield Pointed(self.url, self.settings, files)
        for tree in self.within.values():
            yield from tree.pointed()


def read_tree(
    repo: Submodule, ends: contextlib.ExitStack, *, with_pointers: bool, prefix: str = ""
) -> Tree:
    """Read a repo at a commit, and its submodules that were fetched.

    Args:
        repo: Which; the outermost one is read as a submodule is.
        ends: Closes the readers.
        with_pointers: Whether Git LFS pointers are to be replaced.
        prefix: The folder that it is written to, with its slash.

    Raises:
        UpstreamError: for names that no tree may have (``..``, ``.git``, absolute), for folders
            nested past all use, and for rules that nobody could work through.
        StorageError: when a clone lacks a commit or something of it.
    """
    clone, commit = repo.clone, repo.commit
    reader = ends.enter_context(clone.objects())  # gets ready while another git lists the tree
    entries = clone.tree(commit)
    _check_depth(commit, entries)
    _check_names(commit, entries)
    exported = read_exported(clone, commit, entries, reader)
    chosen, omissions = _exported(entries, exported)
    targets = _read_targets(chosen, reader)
    chosen, dangling = _leading_somewhere(chosen, targets)
    where = f"submodule {shown(prefix.rstrip('/'))}: " if prefix else ""
    pointers = _read_pointers(chosen, exported, reader) if with_pointers else {}
    return Tree(
        url=repo.url,
        prefix=prefix,
        entries=sorted(chosen, key=lambda entry: os.fsencode(entry.path)),
        reader=reader,
        findings=[where + finding for finding in (*omissions, *dangling)],
        targets=targets,
        substituted=exported.substituted,
        stamp=Stamp.of(commit, reader.read(commit)) if exported.substituted else None,
        pointers=pointers,
        settings=clone.read_settings(commit, ".lfsconfig") if pointers else {},
        within={
            entry.path: read_tree(
                one, ends, with_pointers=with_pointers, prefix=f"{prefix}{entry.path}/"
            )
            for entry in chosen
            if (one := repo.within.get(entry.path))
        },
    )


def _check_depth(commit: str, entries: Sequence[TreeEntry]) -> None:
    """Refuse paths that cannot be unpacked anywhere, before all their folders are named."""
    longest = max((len(os.fsencode(entry.path)) for entry in entries), default=0)
    if longest > _MOST_PATH_BYTES:
        raise UpstreamError(
            f"commit {commit}: a path of {longest} bytes, the limit is {_MOST_PATH_BYTES}",
            hint="no Linux could unpack this commit: do not mirror it",
        )
    total = sum(entry.path.count("/") * len(entry.path) for entry in entries)
    if total > _MOST_FOLDER_BYTES:
        raise UpstreamError(
            f"commit {commit}: its folders are nested {total} bytes deep, "
            f"the limit is {_MOST_FOLDER_BYTES}",
            hint="do not mirror this commit; tell the owner of the repo",
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
            f"commit {commit}: its tree has {shown(bad)}, which no honest git would write",
            hint="do not mirror this commit; tell the owner of the repo",
        )


def _exported(
    entries: Sequence[TreeEntry], exported: Exported
) -> tuple[list[TreeEntry], list[str]]:
    kept = [entry for entry in entries if not exported.leaves_out(entry.path)]
    left_out = {exported.leaves_out(entry.path) for entry in entries} - {""}
    return kept, [f"{shown(path)} is left out, as export-ignore says" for path in left_out]


def _read_targets(entries: Sequence[TreeEntry], reader: ObjectReader) -> dict[str, bytes]:
    """Read where links lead; one that is too long to be a path leads nowhere."""
    found = [entry for entry in entries if entry.mode == LINK]
    short = [entry for entry in found if entry.size_bytes <= _MOST_PATH_BYTES]
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
    others = {entry.path for entry in entries if entry.mode != LINK}
    verdicts = links.judge_links(readable, others)
    kept = [entry for entry in entries if entry.path not in verdicts]
    return kept, [
        f"link {shown(path)} -> {shown(readable[path])} is left out: {verdict}"
        for path, verdict in verdicts.items()
    ]


def _read_pointers(
    entries: Sequence[TreeEntry], exported: Exported, reader: ObjectReader
) -> dict[str, Pointer]:
    """Read the files that are pointers to what Git LFS holds, and that git would replace."""
    asked = [
        entry
        for entry in entries
        if entry.path in exported.kept_by_lfs
        and entry.mode not in (LINK, SUBMODULE)
        and entry.size_bytes <= MOST_POINTER_BYTES
    ]
    contents = reader.each([entry.object_id for entry in asked])
    found = {
        entry.path: read_pointer(stream.read(size))
        for entry, (size, stream) in zip(asked, contents, strict=True)
    }
    return {path: pointer for path, pointer in found.items() if pointer}


def shown(path: str) -> str:
    """Write a path so that it can be printed and stored, whatever its bytes are."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return text if text.isprintable() else repr(text)
