"""The lock file beside a manifest: where it is, and what its text says.

Standard library only. Invariant: a lock that was read is whole; one that was edited by hand,
or by a merge that went wrong, is refused with the place and what was expected there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hubmirror.errors import Fault, InvalidInputError, StorageError
from hubmirror.manifest.addresses import shown
from hubmirror.manifest.locked import (
    DEFAULT_BRANCH,
    VERSION,
    Lock,
    LockedCheckpoint,
    LockedRepo,
    LockedRequest,
    LockedSnapshot,
)
from hubmirror.records import FULL_COMMIT, Digest, RefKind, RefRow, RepoKey
from hubmirror.version import __version__

__all__ = [
    "DEFAULT_BRANCH",
    "Lock",
    "LockedCheckpoint",
    "LockedRepo",
    "LockedRequest",
    "LockedSnapshot",
    "lock_path",
    "parse_lock",
    "read_lock",
    "read_lock_text",
]

_T = TypeVar("_T")
_CONFLICT = re.compile(r"^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)", re.MULTILINE)
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_HINT = (
    "locks are written by `hubmirror sync` and not by hand: take the file from git again, "
    "or remove it: sync goes on from what it last published"
)


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
        raise _broken(str(path), "not UTF-8 text") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error


def parse_lock(text: str, *, file: str) -> Lock:
    """Read the text of a lock; ``file`` is for messages.

    Raises:
        InvalidInputError: naming the place, what was expected and what is there.
    """
    document = _Part(_load(text, file), file)
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


def _repo(key: str, part: _Part) -> LockedRepo:
    part.only("default_branch", "moved_to", "refs", "snapshots", "url")
    url, default_branch = part.field("url").text(), part.field("default_branch").text()
    moved_to = part.field("moved_to").text() if "moved_to" in part.mapping() else ""
    requests = part.field("refs").each(lambda ref, rows: LockedRequest(ref, rows.rows()))
    snapshots = part.field("snapshots").each(_snapshot)
    return part.made(
        lambda: LockedRepo(
            str(RepoKey.parse(key)), url, default_branch, requests, snapshots, moved_to
        )
    )


def _snapshot(commit: str, part: _Part) -> LockedSnapshot:
    part.only("content", "sha256", "size")
    if not FULL_COMMIT.fullmatch(commit):
        raise part.fault(f"expected a commit of 40 hex digits as its key, got {commit!r}")
    content = part.field("content").text() if "content" in part.mapping() else ""
    digest, size_bytes = part.field("sha256").digest(), part.field("size").whole_number()
    return LockedSnapshot(commit, digest, size_bytes, content)


def _checkpoint(url: str, part: _Part) -> LockedCheckpoint:
    part.only("sha256", "size")
    digest, size_bytes = part.field("sha256").digest(), part.field("size").whole_number()
    return part.made(lambda: LockedCheckpoint(url, digest, size_bytes))


@dataclass(slots=True)  # not frozen: a large lock has many, and each lives a moment
class _Part:
    """A value of the JSON document that knows the way to itself.

    ``key`` is where it is in its parent; the file, for the document as a whole.
    """

    value: object
    key: str
    parent: _Part | None = None

    def fault(self, message: str) -> InvalidInputError:
        place, part = "", self
        while part.parent:
            place, part = f"{_step(part.key)}{place}", part.parent
        place = place.removeprefix(".")
        return _broken(part.key, f"{place}: {message}" if place else message)

    def made(self, make: Callable[[], _T]) -> _T:
        try:
            return make()
        except InvalidInputError as error:
            raise self.fault(error.message) from None

    def mapping(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self.fault(f"expected {{...}}, got {_got(self.value)}")
        return self.value

    def field(self, key: str) -> _Part:
        mapping = self.mapping()
        if key not in mapping:
            raise self.fault(f"{key!r} is missing")
        return _Part(mapping[key], key, self)

    def only(self, *keys: str) -> None:
        for key in self.mapping():
            if key not in keys:
                expected = ", ".join(keys)
                raise self.fault(f"unknown key {shown(key)}; the keys here are {expected}")

    def each(self, make: Callable[[str, _Part], _T]) -> tuple[_T, ...]:
        items = self.mapping().items()
        return tuple([make(key, _Part(value, key, self)) for key, value in items])

    def rows(self) -> tuple[RefRow, ...]:
        if not isinstance(self.value, list):
            raise self.fault(f"expected [...], got {_got(self.value)}")
        return tuple(_Part(row, str(index), self).row() for index, row in enumerate(self.value))

    def row(self) -> RefRow:
        self.only("commit", "kind", "name")
        kind, commit = self.field("kind"), self.field("commit")
        if kind.text() not in list(RefKind):
            raise kind.fault(f"expected one of {', '.join(RefKind)}, got {_got(kind.value)}")
        if not FULL_COMMIT.fullmatch(commit.text()):
            raise commit.fault(f"expected 40 hex digits, got {_got(commit.value)}")
        return RefRow(self.field("name").text(), RefKind(kind.text()), commit.text())

    def text(self) -> str:
        if isinstance(self.value, str):
            return self.value
        raise self.fault(f"expected text, got {_got(self.value)}")

    def digest(self) -> Digest:
        text = self.text()
        if _HEX_DIGEST.fullmatch(text):
            return Digest(text)
        raise self.fault(f"expected 64 hex digits in lower case, got {_got(self.value)}")

    def whole_number(self) -> int:
        if isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= 0:
            return self.value
        raise self.fault(f"expected a whole number, got {_got(self.value)}")


def _step(key: str) -> str:
    return f".{key}" if key.replace("_", "").isalnum() else f"[{shown(key)}]"


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
            return _broken(file, f"{shown(error.key)} is there twice{where}")
        case json.JSONDecodeError():
            what = "empty" if not text.strip() else f"not JSON: {error.msg}"
            return _broken(file, what, error.lineno, error.colno)
        case _:
            return _broken(file, "not the JSON of a lock")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKeyError(key)
        found[key] = value
    return found


def _broken(file: str, message: str, line: int = 0, column: int = 0) -> InvalidInputError:
    fault = Fault(file, line, column, message)
    return InvalidInputError(f"{file}: not a valid lock:", hint=_HINT, faults=[fault])


def _got(value: object) -> str:
    match value:
        case dict():
            return "{...}"
        case list():
            return "[...]"
        case str():
            return shown(value)
        case _:
            return json.dumps(value)
