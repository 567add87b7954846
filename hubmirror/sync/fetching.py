"""Carries out a plan: brings missing bytes to the landing, several at a time.

A failure belongs to the unit that needed the bytes and is an outcome here, not an exception,
so that one dead host does not stop the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubmirror import urls
from hubmirror.errors import (
    HubmirrorError,
    RefusedError,
    UpstreamError,
    VerificationError,
)
from hubmirror.index import Arrival
from hubmirror.plan import FetchPlan, SourcePlan, UnitPlan
from hubmirror.records import CheckpointRow, Digest, RefKind, RefRow, RepoKey, SnapshotRow
from hubmirror.specs import CheckpointSpec
from hubmirror.sync.landing import Landing
from hubmirror.sync.report import is_unreachable
from hubmirror.sync.snapshots import SnapshotMaker
from hubmirror.upstream.http import Fetched, HttpUpstream, Terms
from hubmirror.upstream.repos import GitUpstream


@dataclass(frozen=True, slots=True)
class Snapshots:
    """What was made for one unit: refs as they were when fetched, and their snapshots."""

    refs: Mapping[RefRow, RefRow]
    rows: tuple[SnapshotRow, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint that came in, and its arrival for the index."""

    row: CheckpointRow
    arrival: Arrival
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
        http: HttpUpstream,
        landing: Landing,
        clone_of: Callable[[RepoKey], Path],
        expand: Callable[[str], str],
        notify: Callable[[str], None],
        *,
        is_exact: bool,
    ) -> None:
        self._http = http
        self._landing = landing
        self._expand = expand
        self._notify = notify
        self._is_exact = is_exact
        self._stop = threading.Event()
        self._maker = SnapshotMaker(git, landing, clone_of, self._check_stop)

    def fetch_all(
        self, plans: Iterable[SourcePlan], jobs: int, arrived: Callable[[Arrival], None]
    ) -> Outcomes:
        """Bring in all that the plans miss; ``arrived`` is called from this thread."""
        snapshots: dict[Future[Snapshots], tuple[str, str]] = {}
        weights: dict[FetchKey, Future[Weights]] = {}
        pool = ThreadPoolExecutor(max_workers=jobs)
        try:
            for plan in plans:
                for unit in plan.units:
                    own = unit.spec.max_size_bytes if unit.spec else None
                    most = own or plan.manifest.settings.max_size_bytes
                    if unit.make:
                        made = pool.submit(self._make_snapshots, unit, most)
                        snapshots[made] = (plan.manifest.name, unit.name)
                    for wanted in unit.fetch:
                        key = fetch_key(wanted)
                        if key not in weights:
                            weights[key] = pool.submit(self._fetch_weights, wanted, most)
            for done in as_completed(weights.values()):
                if done.exception() is None:
                    arrival = done.result().arrival
                    arrived(arrival)
                    self._notify(
                        f"fetched {urls.redact(arrival.url)} ({arrival.size_bytes:,} bytes)"
                    )
            return Outcomes(
                snapshots={key: _failure(one) or one.result() for one, key in snapshots.items()},
                weights={key: _failure(one) or one.result() for key, one in weights.items()},
            )
        finally:
            # After an interruption nobody waits for a slow host: its thread ends by itself.
            self._stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _make_snapshots(self, unit: UnitPlan, most_bytes: int | None) -> Snapshots:
        if unit.spec is None:
            raise AssertionError  # only repos have refs
        asked = [
            _exactly(ref) if self._is_exact or ref in unit.kept_refs else ref for ref in unit.make
        ]
        fetched = self._maker.fetch(unit.spec, asked)
        refs: dict[RefRow, RefRow] = {}
        rows: dict[str, SnapshotRow] = {}
        warnings: list[str] = []
        for wanted, came in zip(unit.make, fetched, strict=True):
            self._check_stop()
            found = _as_fetched(unit.spec.title, wanted, came.commit)
            refs[wanted] = found
            if found.commit in rows:
                continue
            title = f"{unit.spec.title}:{found.name}"
            row, findings = self._maker.make(unit.spec, found, most_bytes)
            rows[found.commit] = row
            warnings += [f"{title}: {finding}" for finding in findings]
            self._notify(f"made a snapshot of {title} (commit {found.commit[:12]})")
        return Snapshots(refs, tuple(rows.values()), tuple(warnings))

    def _fetch_weights(self, wanted: FetchPlan, most_bytes: int | None) -> Weights:
        failures: list[HubmirrorError] = []
        for address, shown in self._addresses(wanted.spec):
            terms = Terms(shown, most_bytes, lambda _: self._check_stop())
            try:
                with self._landing.staged() as (stream, path):
                    fetched = self._http.fetch(address, stream, terms)
                    warnings = check_digest(wanted, fetched, shown)
                    self._landing.keep(path, fetched.digest)
            except HubmirrorError as error:
                failures.append(error)
                continue
            size, url = fetched.size_bytes, wanted.spec.url
            redirect = fetched.redirect if address == url else ""
            row = CheckpointRow(url, fetched.digest, size, redirect)
            arrival = Arrival(url, fetched.digest, size, redirect, fetched.etag)
            return Weights(row, arrival, warnings)
        raise _all_failed(failures)

    def _addresses(self, spec: CheckpointSpec) -> Iterator[tuple[str, str]]:
        """Go through the addresses of a checkpoint, and what messages may call them."""
        if spec.fetch_url:
            yield self._expand(spec.fetch_url), f"{urls.redact(spec.url)} (by its fetch_url)"
        else:
            yield spec.url, urls.redact(spec.url)
        for fallback in spec.fallbacks:
            yield fallback, urls.redact(fallback)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise UpstreamError("stopped")


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


def check_digest(wanted: FetchPlan, fetched: Fetched, shown: str) -> tuple[str, ...]:
    """Compare fetched bytes with what manifest, lock and file name say of them.

    An explicit sha256 outranks all else; the lock outranks the hash in the file name. Returns
    warnings that do not stop the file from being taken.

    Raises:
        VerificationError: when the manifest, or the name, says otherwise.
        RefusedError: when the lock says otherwise: the bytes changed upstream.
    """
    spec, got = wanted.spec, fetched.digest
    named = urls.name_hash(spec.url)
    is_named = got.hex.startswith(named)
    if spec.sha256:
        if got != spec.sha256:
            raise VerificationError(f"{shown}: expected sha256 {spec.sha256}, got {got}")
    elif spec.prefix:
        if not got.hex.startswith(spec.prefix):
            raise VerificationError(f"{shown}: expected sha256 {spec.prefix}..., got {got}")
    elif wanted.pinned:
        if got != wanted.pinned:
            raise RefusedError(
                f"{shown}: its bytes changed upstream: "
                f"the lock says sha256 {wanted.pinned}, got {got}",
                hint=f"find out why; to accept them: "
                f"hubmirror lock MANIFEST --upgrade {urls.redact(spec.url)}",
            )
    elif not is_named and not named.isdecimal():
        raise VerificationError(
            f"{shown}: its name says sha256 {named}..., got {got}",
            hint=f"if the name carries no hash, or a wrong one, write `sha256: {got}` "
            "beside the URL in the manifest",
        )
    if is_named:
        return ()
    return (f"{shown}: its name says sha256 {named}..., its bytes are {got}",)


def _all_failed(failures: Sequence[HubmirrorError]) -> HubmirrorError:
    """Say why no address gave the bytes; the first failure decides what kind it is."""
    first = failures[0]
    if len(failures) == 1:
        return first
    message = "; ".join(failure.message for failure in failures)
    if isinstance(first, UpstreamError):
        unreachable = all(is_unreachable(failure) for failure in failures)
        return UpstreamError(message, hint=first.hint, unreachable=unreachable)
    return type(first)(message, hint=first.hint)
