"""The lock as values: every ref resolved to a commit, every URL to its bytes; and as text.

Standard library only. Opens nothing; ``lock`` reads it, and who writes it uses ``files``.
Invariant: ``parse_lock(lock.encode()) == lock``, and equal locks have equal bytes; no address
in a lock carries a secret.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from hubmirror.errors import InvalidInputError, NotFoundError
from hubmirror.manifest.addresses import check_no_secret, shown
from hubmirror.manifest.lines import block, line, listed, text
from hubmirror.records import Digest, RefRow, RepoKey

_Row = TypeVar("_Row")

VERSION = 1
"""The lock format written by this version; also the newest that it can read."""

DEFAULT_BRANCH = "HEAD"
"""The request of a manifest without ``refs:``; no manifest can ask for it by this name."""


@dataclass(frozen=True, order=True, slots=True)
class LockedRequest:
    """A ref as the manifest has it, and what it stood for; a glob may stand for many or none."""

    ref: str
    rows: tuple[RefRow, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(sorted(set(self.rows))))


@dataclass(frozen=True, order=True, slots=True)
class LockedSnapshot:
    """A commit and the tar that it makes under the manifest's choices (``RepoSpec.content``)."""

    commit: str
    digest: Digest
    size_bytes: int
    content: str = ""


@dataclass(frozen=True, slots=True)
class LockedEntrypoint:
    """What an entrypoint was seen to need when it was traced: the edges of the lock.

    Attributes:
        call: The entrypoint as it is declared.
        commit: The commit of its repo that was traced.
        urls: The URLs whose bytes it was given.
        repos: The other hub repos that its code loaded, as it asked for them.
        absent: The URLs that its code asked for, and that were not there.
        result: The fingerprint of what it returned, or None where none could be taken.
        incomplete: Why the trace may not have seen all of it, one reason each.
    """

    call: str
    commit: str
    urls: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    result: Digest | None = None
    incomplete: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for url in (*self.urls, *self.absent):
            check_no_secret(url)
        for spec in self.repos:
            RepoKey.parse(spec.partition(":")[0])
        for name in ("urls", "repos", "absent", "incomplete"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))


@dataclass(frozen=True, slots=True)
class LockedRepo:
    """A repo as it was resolved.

    Attributes:
        key: Its folded name as text, ``str(RepoKey)``.
        url: The git address that was asked.
        default_branch: Its name, or empty when it is not known.
        requests: In order, one for each ref of the manifest.
        snapshots: In order of their commits.
        moved_to: Where the address led, for a repo that was renamed; else empty.
        entrypoints: In order of their calls, those that were traced.
    """

    key: str
    url: str
    default_branch: str
    requests: tuple[LockedRequest, ...] = ()
    snapshots: tuple[LockedSnapshot, ...] = ()
    moved_to: str = ""
    entrypoints: tuple[LockedEntrypoint, ...] = ()

    def __post_init__(self) -> None:
        check_no_secret(self.url)
        check_no_secret(self.moved_to)
        requests = _named(self.requests, _request_ref)
        snapshots = _named(self.snapshots, _snapshot_commit)
        entrypoints = _named(self.entrypoints, _entrypoint_call)
        object.__setattr__(self, "requests", tuple(requests.values()))
        object.__setattr__(self, "snapshots", tuple(snapshots.values()))
        object.__setattr__(self, "entrypoints", tuple(entrypoints.values()))

    def rows(self, ref: str) -> tuple[RefRow, ...] | None:
        """Return what a ref of the manifest stood for; None when it was never asked."""
        request = _find(self.requests, ref, _request_ref)
        return request.rows if request else None

    def snapshot(self, commit: str) -> LockedSnapshot | None:
        """Return the snapshot of a commit, when one is locked."""
        return _find(self.snapshots, commit, _snapshot_commit)

    def entrypoint(self, call: str) -> LockedEntrypoint | None:
        """Return what a declared entrypoint was seen to need, when it was traced."""
        return _find(self.entrypoints, call, _entrypoint_call)

    def without(self, ref: str) -> LockedRepo:
        """Forget one ref of the manifest, and the snapshots that only it needed."""
        requests = tuple(request for request in self.requests if request.ref != ref)
        needed = {row.commit for request in requests for row in request.rows}
        snapshots = tuple(row for row in self.snapshots if row.commit in needed)
        return replace(self, requests=requests, snapshots=snapshots)


@dataclass(frozen=True, order=True, slots=True)
class LockedCheckpoint:
    """A URL and the bytes that it stands for."""

    url: str
    digest: Digest
    size_bytes: int

    def __post_init__(self) -> None:
        check_no_secret(self.url)


@dataclass(frozen=True, slots=True)
class Lock:
    """All that a source was resolved to; its parts are kept in order, each once."""

    source: str
    repos: tuple[LockedRepo, ...] = ()
    checkpoints: tuple[LockedCheckpoint, ...] = ()
    _by_key: Mapping[str, LockedRepo] = field(init=False, repr=False, compare=False)
    _by_url: Mapping[str, LockedCheckpoint] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_key, by_url = _named(self.repos, _repo_key), _named(self.checkpoints, _checkpoint_url)
        object.__setattr__(self, "repos", tuple(by_key.values()))
        object.__setattr__(self, "checkpoints", tuple(by_url.values()))
        object.__setattr__(self, "_by_key", by_key)
        object.__setattr__(self, "_by_url", by_url)

    def repo(self, key: RepoKey) -> LockedRepo | None:
        """Return what a repo was resolved to, when it was."""
        return self._by_key.get(str(key))

    def checkpoint(self, url: str) -> LockedCheckpoint | None:
        """Return what a URL stands for, when that is known."""
        return self._by_url.get(url)

    def without(self, wanted: str) -> Lock:
        """Forget a checkpoint's URL, a repo, or one ref of it (``owner/name:ref``).

        What is forgotten is resolved anew by the next sync.

        Raises:
            NotFoundError: when this lock has no such thing.
        """
        if self.checkpoint(wanted):
            kept = (row for row in self.checkpoints if row.url != wanted)
            return replace(self, checkpoints=tuple(kept))
        name, colon, ref = wanted.partition(":")
        repo = self._find_repo(name)
        if repo is None or (colon and repo.rows(ref) is None):
            raise NotFoundError(
                f"{shown(wanted)} is not in the lock of {self.source!r}",
                hint="name it as the lock does: a URL, owner/name, or owner/name:ref",
            )
        others = tuple(row for row in self.repos if row is not repo)
        return replace(self, repos=(*others, repo.without(ref)) if colon else others)

    def _find_repo(self, name: str) -> LockedRepo | None:
        try:
            return self.repo(RepoKey.parse(name))
        except InvalidInputError:
            return None

    def encode(self) -> str:
        """Return the text of the lock file: JSON with one line for each pinned thing."""
        repos = [(repo.key, _encode_repo(repo)) for repo in self.repos]
        checkpoints = [(row.url, _pinned(row.digest, row.size_bytes)) for row in self.checkpoints]
        encoded = block(
            [
                ("checkpoints", block(checkpoints, 1)),
                ("repos", block(repos, 1)),
                ("source", text(self.source)),
                ("version", text(VERSION)),
            ],
            0,
        )
        return f"{encoded}\n"


def _encode_repo(repo: LockedRepo) -> str:
    requests = [(request.ref, _rows(request.rows)) for request in repo.requests]
    snapshots = [
        (row.commit, _pinned(row.digest, row.size_bytes, row.content)) for row in repo.snapshots
    ]
    traced = [(one.call, _encode_entrypoint(one)) for one in repo.entrypoints]
    moved = [("moved_to", text(repo.moved_to))] if repo.moved_to else []
    return block(
        [
            ("default_branch", text(repo.default_branch)),
            *([("entrypoints", block(traced, 3))] if traced else []),
            *moved,
            ("refs", block(requests, 3)),
            ("snapshots", block(snapshots, 3)),
            ("url", text(repo.url)),
        ],
        2,
    )


def _encode_entrypoint(one: LockedEntrypoint) -> str:
    return block(
        [
            ("absent", listed(map(text, one.absent), 5)),
            ("commit", text(one.commit)),
            ("incomplete", listed(map(text, one.incomplete), 5)),
            ("repos", listed(map(text, one.repos), 5)),
            ("result", text(one.result.hex if one.result else "")),
            ("urls", listed(map(text, one.urls), 5)),
        ],
        4,
    )


def _rows(rows: Iterable[RefRow]) -> str:
    lines = (
        line(("commit", row.commit), ("kind", row.kind.value), ("name", row.name)) for row in rows
    )
    return listed(lines, 4)


def _pinned(digest: Digest, size_bytes: int, content: str = "") -> str:
    chosen = [("content", content)] if content else []
    return line(*chosen, ("sha256", digest.hex), ("size", size_bytes))


def _repo_key(repo: LockedRepo) -> str:
    return repo.key


def _checkpoint_url(row: LockedCheckpoint) -> str:
    return row.url


def _request_ref(request: LockedRequest) -> str:
    return request.ref


def _snapshot_commit(row: LockedSnapshot) -> str:
    return row.commit


def _entrypoint_call(one: LockedEntrypoint) -> str:
    return one.call


def _find(rows: tuple[_Row, ...], name: str, key: Callable[[_Row], str]) -> _Row | None:
    index = bisect_left(rows, name, key=key)
    return rows[index] if index < len(rows) and key(rows[index]) == name else None


def _named(rows: Iterable[_Row], key: Callable[[_Row], str]) -> dict[str, _Row]:
    """Return rows by their names, each once and in order."""
    named: dict[str, _Row] = {}
    for row in rows:
        name = key(row)
        if (other := named.setdefault(name, row)) is not row and other != row:
            raise InvalidInputError(f"{shown(name)} cannot be locked to two different things")
    return {name: named[name] for name in sorted(named)}
