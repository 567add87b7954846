"""What a commit's own ``.gitattributes`` say of an archive: export-ignore, export-subst, filter.

As in ``git archive`` and GitHub's zipball: rules of every level count, a folder that is
ignored takes all in it along. Only placeholders that depend on nothing but the commit are
filled in; the others (``%d``, ``%(describe)``) differ with the clone and stay as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hubmirror.errors import UpstreamError
from hubmirror.upstream.clones import Clone, ObjectReader, TreeEntry

_FILE_NAME = ".gitattributes"
_MOST_BYTES = 16 * 1024 * 1024  # of all rules of a commit, in memory at once
_MOST_MATCHES = 200_000_000  # rules times paths below them: some ten seconds of git's work
_CONCERNING = re.compile(rb"export-|filter=lfs")
_FORMAT = re.compile(rb"\$Format:([^$]*)\$")
_PLACEHOLDER = re.compile(rb"%(H|T|P|ct|cI)?")
_COMMITTED = re.compile(rb"^committer .*> (-?\d+) ([+-])(\d\d)(\d\d)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Exported:
    """Which paths an archive leaves out, topmost names only, and in which it fills in.

    Attributes:
        kept_by_lfs: The files that git would have Git LFS replace.
    """

    ignored: frozenset[str] = frozenset()
    substituted: frozenset[str] = frozenset()
    kept_by_lfs: frozenset[str] = frozenset()

    def leaves_out(self, path: str) -> str:
        """Return the name under which a path is left out; empty when it is not."""
        if not self.ignored:
            return ""
        return next((name for name in (*_folders(path), path) if name in self.ignored), "")


def read_exported(
    clone: Clone, commit: str, entries: Sequence[TreeEntry], reader: ObjectReader
) -> Exported:
    """Work out the attributes; nobody is asked where no rule can concern an archive.

    Raises:
        UpstreamError: for more rules than any honest repo has.
    """
    rules = _read_rules(commit, entries, reader)
    if not any(map(_CONCERNING.search, rules.values())):
        return Exported()
    folders = sorted({f"{folder}/" for entry in entries for folder in _folders(entry.path)})
    files = [f"{entry.path}/" if entry.mode == 0o160000 else entry.path for entry in entries]
    paths = [*folders, *files]
    _check_matches(commit, rules, paths)
    values = clone.attributes(commit, paths, ["export-ignore", "export-subst", "filter"])
    ignored, filled, filtered = (
        [path for path, value in zip(paths, values[at::3], strict=True) if value == wanted]
        for at, wanted in enumerate((b"set", b"set", b"lfs"))
    )
    return Exported(
        ignored=frozenset(path.rstrip("/") for path in ignored),
        substituted=frozenset(filled),
        kept_by_lfs=frozenset(filtered),
    )


def _read_rules(
    commit: str, entries: Sequence[TreeEntry], reader: ObjectReader
) -> dict[str, bytes]:
    """Return what each folder's rules are, by the folder."""
    found = [
        entry
        for entry in entries
        if entry.path.rpartition("/")[2] == _FILE_NAME and entry.mode in (0o100644, 0o100755)
    ]
    total = sum(entry.size_bytes for entry in found)
    if total > _MOST_BYTES:
        raise UpstreamError(
            f"commit {commit}: its {_FILE_NAME} are {total} bytes, the limit is {_MOST_BYTES}",
            hint="do not mirror this commit; tell the owner of the repo",
        )
    contents = reader.each([entry.object_id for entry in found])
    return {
        entry.path.rpartition("/")[0]: stream.read(size)
        for entry, (size, stream) in zip(found, contents, strict=True)
    }


def _check_matches(commit: str, rules: Mapping[str, bytes], paths: Sequence[str]) -> None:
    below = Counter(folder for path in paths for folder in ("", *_folders(path.rstrip("/"))))
    matches = sum(text.count(b"\n") * below[folder] for folder, text in rules.items())
    if matches > _MOST_MATCHES:
        raise UpstreamError(
            f"commit {commit}: {matches} matches of rules for archives with paths, "
            f"the limit is {_MOST_MATCHES}",
            hint="do not mirror this commit; tell the owner of the repo",
        )


def _folders(path: str) -> list[str]:
    """Return every folder above a path, the outermost first."""
    return [path[:at] for at, letter in enumerate(path) if letter == "/"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a commit says of itself, for export-subst."""

    values: Mapping[bytes, bytes]

    @classmethod
    def of(cls, commit: str, raw: bytes) -> Stamp:
        """Read a raw commit: its own words, which a shallow clone has unchanged."""
        head = raw.partition(b"\n\n")[0]
        tree = re.search(rb"^tree ([0-9a-f]{40})$", head, re.MULTILINE)
        parents = re.findall(rb"^parent ([0-9a-f]{40})$", head, re.MULTILINE)
        seconds, strict = _committed(head)
        values = {
            b"H": commit.encode(),
            b"T": tree[1] if tree else b"",
            b"P": b" ".join(parents),
            b"ct": seconds,
            b"cI": strict,
        }
        return cls(values)

    def fill_in(self, content: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Fill in ``$Format:...$``; return also those that stay as they are."""
        kept: list[str] = []

        def fill(found: re.Match[bytes]) -> bytes:
            names = [part[1] for part in _PLACEHOLDER.finditer(found[1])]
            if None in names:
                kept.append(found[0].decode(errors="replace"))
                return found[0]
            return _PLACEHOLDER.sub(lambda part: self.values[part[1]], found[1])

        return _FORMAT.sub(fill, content), tuple(kept)


def _committed(head: bytes) -> tuple[bytes, bytes]:
    found = _COMMITTED.search(head)
    if found is None:
        return b"", b""
    offset = timedelta(hours=int(found[3]), minutes=int(found[4]))
    zone = timezone(-offset if found[2] == b"-" else offset) if offset < timedelta(1) else UTC
    try:
        moment = datetime.fromtimestamp(int(found[1]), zone)
    except (OverflowError, OSError, ValueError):
        return found[1], b""
    return found[1], moment.isoformat().encode()
