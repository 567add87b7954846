"""The lock file beside a manifest: where it is, and what its text says.

Standard library only. Invariant: a lock that was read is whole; one that was edited by hand,
or by a merge that went wrong, is refused with the place and what was expected there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from hubmirror.errors import InvalidInputError, StorageError
from hubmirror.manifest.addresses import shown
from hubmirror.manifest.lock_parts import Part, broken
from hubmirror.manifest.locked import (
    DEFAULT_BRANCH,
    VERSION,
    Lock,
    LockedCheckpoint,
    LockedEntrypoint,
    LockedRepo,
    LockedRequest,
    LockedSnapshot,
)
from hubmirror.records import FULL_COMMIT, RepoKey
from hubmirror.version import __version__

__all__ = [
    "DEFAULT_BRANCH",
    "Lock",
    "LockedCheckpoint",
    "LockedEntrypoint",
    "LockedRepo",
    "LockedRequest",
    "LockedSnapshot",
    "lock_path",
    "parse_lock",
    "read_lock",
    "read_lock_text",
]

_CONFLICT = re.compile(r"^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)", re.MULTILINE)


def lock_path(manifest: Path, lock_dir: Path | None = None) -> Path:
    """Return where the lock of a manifest is: beside it, or in a folder of locks."""
    return (lock_dir or manifest.parent) / f"{manifest.name}.lock"


def read_lock(path: Path) -> Lock | None:
    """Read a lock; None when there is no such file.

    Raises:
        InvalidInputError: when it is broken, has merge conflicts, or is for a newer hubmirror.
        StorageError: when the file cannot be read.
    """
    text = read_lock_text(path)
    return None if text is None else parse_lock(text, file=str(path))


def read_lock_text(path: Path) -> str | None:
    """Read the text of a lock; None when there is no such file.

    Raises:
        InvalidInputError: when it is no text.
        StorageError: when the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise broken(str(path), "not UTF-8 text") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error


def parse_lock(text: str, *, file: str) -> Lock:
    """Read the text of a lock; ``file`` is for messages.

    Raises:
        InvalidInputError: naming the place, what was expected and what is there.
    """
    document = Part(_load(text, file), file)
    version = document.field("version").whole_number()
    if version > VERSION:
        raise InvalidInputError(
            f"{file}: lock version {version} needs a newer hubmirror; "
            f"this one, {__version__}, reads version {VERSION}"
        )
    document.only("checkpoints", "repos", "source", "version")
    source = document.field("source").text()
    repos = document.field("repos").each(_repo)
    checkpoints = document.field("checkpoints").each(_checkpoint)
    return Lock(source, repos, checkpoints)


def _repo(key: str, part: Part) -> LockedRepo:
    part.only("default_branch", "entrypoints", "moved_to", "refs", "snapshots", "url")
    url, default_branch = part.field("url").text(), part.field("default_branch").text()
    moved_to = part.field("moved_to").text() if "moved_to" in part.mapping() else ""
    has_traces = "entrypoints" in part.mapping()
    entrypoints = part.field("entrypoints").each(_entrypoint) if has_traces else ()
    requests = part.field("refs").each(lambda ref, rows: LockedRequest(ref, rows.rows()))
    snapshots = part.field("snapshots").each(_snapshot)
    return part.made(
        lambda: LockedRepo(
            str(RepoKey.parse(key)),
            url,
            default_branch,
            requests,
            snapshots,
            moved_to,
            entrypoints,
        )
    )


def _entrypoint(call: str, part: Part) -> LockedEntrypoint:
    part.only("absent", "commit", "incomplete", "repos", "result", "urls")
    urls, repos = part.field("urls").texts(), part.field("repos").texts()
    absent, incomplete = part.field("absent").texts(), part.field("incomplete").texts()
    commit, result = part.field("commit").commit(), part.field("result")
    digest = result.digest() if result.text() else None
    return part.made(
        lambda: LockedEntrypoint(call, commit, urls, repos, absent, digest, incomplete)
    )


def _snapshot(commit: str, part: Part) -> LockedSnapshot:
    part.only("content", "sha256", "size")
    if not FULL_COMMIT.fullmatch(commit):
        raise part.fault(f"expected a commit of 40 hex digits as its key, got {commit!r}")
    content = part.field("content").text() if "content" in part.mapping() else ""
    digest, size_bytes = part.field("sha256").digest(), part.field("size").whole_number()
    return LockedSnapshot(commit, digest, size_bytes, content)


def _checkpoint(url: str, part: Part) -> LockedCheckpoint:
    part.only("sha256", "size")
    digest, size_bytes = part.field("sha256").digest(), part.field("size").whole_number()
    return part.made(lambda: LockedCheckpoint(url, digest, size_bytes))


class _DuplicateKeyError(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _load(text: str, file: str) -> object:
    try:
        document: object = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _explain(error, text, file) from None
    return document


def _explain(error: Exception, text: str, file: str) -> InvalidInputError:
    """Say why a text is not the JSON of a lock."""
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return InvalidInputError(
            f"{file}:{line}: the lock has merge conflicts ({conflict[1]})",
            hint="take either side whole (`git checkout --ours` or `--theirs`), then run "
            "`hubmirror sync`, which adds what the other side had",
        )
    match error:
        case _DuplicateKeyError():
            lines = [
                str(number)
                for number, line in enumerate(text.splitlines(), start=1)
                if line.lstrip().startswith(f"{json.dumps(error.key, ensure_ascii=False)}:")
            ]
            where = f" (lines {', '.join(lines)})" if lines else ""
            return broken(file, f"{shown(error.key)} is there twice{where}")
        case json.JSONDecodeError():
            what = "empty" if not text.strip() else f"not JSON: {error.msg}"
            return broken(file, what, error.lineno, error.colno)
        case _:
            return broken(file, "not the JSON of a lock")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKeyError(key)
        found[key] = value
    return found
