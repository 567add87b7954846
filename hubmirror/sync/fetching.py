"""Carries out a plan: brings missing bytes to the landing, several at a time.

A failure belongs to the unit that needed the bytes and is an outcome here, not an exception,
so that one dead host does not stop the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubmirror import urls
from hubmirror.errors import (
    HubmirrorError,
    InvalidInputError,
    UpstreamError,
)
from hubmirror.hubconf import read_hubconf
from hubmirror.index import Arrival
from hubmirror.plan import FetchPlan, SourcePlan, UnitPlan
from hubmirror.records import Digest, RefKind, RefRow, RepoKey, SnapshotRow
from hubmirror.sync.landing import Landing
from hubmirror.sync.weights import Weights, WeightsFetcher
from hubmirror.upstream.clones import Clone
from hubmirror.upstream.repos import GitUpstream
from hubmirror.upstream.snapshots import write_snapshot


@dataclass(frozen=True, slots=True)
class Snapshots:
    """What was made for one unit: refs as they were when fetched, and their snapshots."""

    refs: Mapping[RefRow, RefRow]
    rows: tuple[SnapshotRow, ...]
    warnings: tuple[str, ...]


FetchKey = tuple[str, Digest | None, Digest | None, str]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of a plan's missing bytes: results, or the reason why there are none."""

    snapshots: Mapping[tuple[str, str], Snapshots | HubmirrorError]
    weights: Mapping[FetchKey, Weights | HubmirrorError]


def fetch_key(wanted: FetchPlan) -> FetchKey:
    """Say which fetches are one and the same, whichever units and sources want them."""
    return wanted.spec.url, wanted.spec.sha256, wanted.pinned, wanted.spec.prefix


class Fetcher:
    """The means by which one sync fetches.

    ``is_exact`` asks for commits as they are locked, not for what branches are now.
    """

    def __init__(
        self,
        git: GitUpstream,
        weights: WeightsFetcher,
        landing: Landing,
        clone_of: Callable[[RepoKey], Path],
        notify: Callable[[str], None],
        *,
        is_exact: bool,
    ) -> None:
        self._git = git
        self._weights = weights
        self._landing = landing
        self._clone_of = clone_of
        self._notify = notify
        self._is_exact = is_exact
        self._at_clone: dict[Path, threading.Lock] = {}

    def fetch_all(
        self, plans: Iterable[SourcePlan], jobs: int, arrived: Callable[[Sequence[Arrival]], None]
    ) -> Outcomes:
        """Bring in all that the plans miss; ``arrived`` is called from this thread."""
        snapshots: dict[Future[Snapshots], tuple[str, str]] = {}
        weights: dict[FetchKey, Future[Weights]] = {}
        pool = ThreadPoolExecutor(max_workers=jobs)
        try:
            for plan in plans:
                most = plan.manifest.settings.max_size_bytes
                for unit in plan.units:
                    if unit.make:
                        made = pool.submit(self._make_snapshots, unit, most)
                        snapshots[made] = (plan.manifest.name, unit.name)
                    for wanted in unit.fetch:
                        key = fetch_key(wanted)
                        if key not in weights:
                            weights[key] = pool.submit(self._weights.fetch, wanted, most)
            waiting = set(weights.values())
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                arrived([one.result().arrival for one in done if one.exception() is None])
                for one in done:
                    if one.exception() is None:
                        came = one.result().arrival
                        self._notify(f"fetched {urls.redact(came.url)} ({came.size_bytes:,} bytes)")
            return Outcomes(
                snapshots={key: _failure(one) or one.result() for one, key in snapshots.items()},
                weights={key: _failure(one) or one.result() for key, one in weights.items()},
            )
        finally:
            # After an interruption nobody waits for a slow host: its thread ends by itself.
            self._weights.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _make_snapshots(self, unit: UnitPlan, most_bytes: int | None) -> Snapshots:
        if unit.spec is None:
            raise AssertionError  # only repos have refs
        folder = self._clone_of(unit.spec.key)
        asked = [_exactly(ref) for ref in unit.make] if self._is_exact else unit.make
        with self._at_clone.setdefault(folder, threading.Lock()):  # two sources may want one repo
            fetched = self._git.fetch(unit.spec.url, folder, asked)
        clone = self._git.clone(folder)
        refs: dict[RefRow, RefRow] = {}
        rows: dict[str, SnapshotRow] = {}
        warnings: list[str] = []
        for wanted, came in zip(unit.make, fetched, strict=True):
            self._weights.stop.check()
            found = _as_fetched(unit.spec.title, wanted, came.commit)
            refs[wanted] = found
            if found.commit in rows:
                continue
            title = f"{unit.spec.title}:{found.name}"
            row, findings = self._make_snapshot(title, clone, found.commit, most_bytes)
            rows[found.commit] = row
            warnings += [f"{title}: {finding}" for finding in findings]
            self._notify(f"made a snapshot of {title} (commit {found.commit[:12]})")
        return Snapshots(refs, tuple(rows.values()), tuple(warnings))

    def _make_snapshot(
        self, title: str, clone: Clone, commit: str, most_bytes: int | None
    ) -> tuple[SnapshotRow, tuple[str, ...]]:
        try:
            hubconf = read_hubconf(lambda path: clone.read_file(commit, path))
        except InvalidInputError as error:
            raise UpstreamError(f"{title}: {error.message}", hint=error.hint) from error
        with self._landing.staged() as (stream, path):
            made = write_snapshot(clone, commit, stream, max_bytes=most_bytes)
            stream.flush()
            self._landing.keep(path, made.digest)
        about = self._landing.keep_bytes(hubconf.encode())
        row = SnapshotRow(
            commit=commit,
            digest=made.digest,
            size_bytes=made.size_bytes,
            entrypoints=tuple(entrypoint.name for entrypoint in hubconf.entrypoints),
            open_ended=hubconf.open_ended,
            dependencies=hubconf.dependencies,
            requires_torch=hubconf.requires_torch,
            about=about.digest,
            about_size_bytes=about.size_bytes,
        )
        return row, made.findings


def _failure(done: Future[Any]) -> HubmirrorError | None:
    """Return a deliberate error as a value; anything else is a bug, or an interruption."""
    error = done.exception()
    if error is None or isinstance(error, HubmirrorError):
        return error
    raise error


def _exactly(ref: RefRow) -> RefRow:
    """Ask for a locked commit, wherever its branch is now."""
    return RefRow(ref.commit, RefKind.COMMIT, ref.commit) if ref.commit else ref


def _as_fetched(title: str, wanted: RefRow, commit: str) -> RefRow:
    """Say what a ref was when its bytes came; a branch may have moved since it was asked."""
    match wanted.kind:
        case RefKind.BRANCH:
            return replace(wanted, commit=commit)
        case RefKind.COMMIT:
            return RefRow(commit, RefKind.COMMIT, commit)
        case RefKind.TAG:
            if commit == wanted.commit:
                return wanted
            raise UpstreamError(
                f"{title}: tag {wanted.name!r} moved while it was fetched, "
                f"from {wanted.commit} to {commit}",
                hint="run sync again",
            )
