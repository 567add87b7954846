"""Carries out a plan: brings missing bytes to the landing, several at a time.

A failure belongs to the unit that needed the bytes and is an outcome here, not an exception,
so that one dead host does not stop the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

from hubmirror import urls
from hubmirror.errors import (
    HubmirrorError,
    UpstreamError,
)
from hubmirror.index import Arrival
from hubmirror.plan import FetchPlan, SourcePlan, UnitPlan
from hubmirror.records import Digest, RefKind, RefRow, SnapshotRow
from hubmirror.sync.snapshots import NoHubconfError, SnapshotMaker
from hubmirror.sync.weights import Weights, WeightsFetcher


@dataclass(frozen=True, slots=True)
class Snapshots:
    """What was made for one unit: refs as they were when fetched, and their snapshots.

    A ref that is missing was passed over: only a glob wants it, and it is no hub repo there.
    """

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
        maker: SnapshotMaker,
        weights: WeightsFetcher,
        notify: Callable[[str], None],
        *,
        is_exact: bool,
    ) -> None:
        self._weights = weights
        self._notify = notify
        self._is_exact = is_exact
        self._maker = maker

    def fetch_all(
        self, plans: Iterable[SourcePlan], jobs: int, arrived: Callable[[Sequence[Arrival]], None]
    ) -> Outcomes:
        """Bring in all that the plans miss; ``arrived`` is called from this thread."""
        snapshots: dict[Future[Snapshots], tuple[str, str]] = {}
        weights: dict[FetchKey, Future[Weights]] = {}
        pool = ThreadPoolExecutor(max_workers=jobs)
        try:
            for plan in plans:
                for unit in plan.units:
                    most = unit.most_bytes(plan.manifest.settings)
                    if unit.make:
                        made = pool.submit(self._make_snapshots, unit, most)
                        snapshots[made] = (plan.manifest.name, unit.name)
                    for wanted in unit.fetch:
                        key = fetch_key(wanted)
                        if key not in weights:
                            weights[key] = pool.submit(self._weights.fetch, wanted, most)
            for came in _arrivals(weights.values()):
                arrived(came)
                for one in came:
                    self._notify(f"fetched {urls.redact(one.url)} ({one.size_bytes:,} bytes)")
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
        asked = [
            _exactly(ref) if self._is_exact or ref in unit.kept_refs else ref for ref in unit.make
        ]
        fetched = self._maker.fetch(unit.spec, asked)
        refs: dict[RefRow, RefRow] = {}
        rows: dict[str, SnapshotRow] = {}
        warnings: list[str] = []
        passed_over: list[NoHubconfError] = []
        optional = unit.resolution.only_by_glob() if unit.resolution else frozenset()
        for wanted, came in zip(unit.make, fetched, strict=True):
            self._weights.stop.check()
            found = as_fetched(unit.spec.title, wanted, came.commit)
            refs[wanted] = found
            if found.commit in rows:
                continue
            title = f"{unit.spec.title}:{found.name}"
            try:
                row, findings = self._maker.make(unit.spec, found, most_bytes)
            except NoHubconfError as error:
                if wanted not in optional:
                    raise
                del refs[wanted]
                passed_over.append(error)
                continue
            rows[found.commit] = row
            warnings += [f"{title}: {finding}" for finding in findings]
            self._notify(f"made a snapshot of {title} (commit {found.commit[:12]})")
        if passed_over and not (rows or unit.held_snapshots):
            raise passed_over[0]
        warnings += [f"passed over, for only a glob wants it: {error}" for error in passed_over]
        return Snapshots(refs, tuple(rows.values()), tuple(warnings))


def _arrivals(fetches: Collection[Future[Weights]]) -> Iterator[Sequence[Arrival]]:
    """Go through what comes in, as soon as it does; what is there at once comes together.

    ``concurrent.futures.wait`` would look at every fetch again for each that ends.
    """
    ended: SimpleQueue[Future[Weights]] = SimpleQueue()
    for fetch in fetches:
        fetch.add_done_callback(ended.put)
    left = len(fetches)
    while left:
        done = [ended.get(), *(ended.get() for _ in range(ended.qsize()))]
        left -= len(done)
        yield [one.result().arrival for one in done if one.exception() is None]


def _failure(done: Future[Any]) -> HubmirrorError | None:
    """Return a deliberate error as a value; anything else is a bug, or an interruption."""
    error = done.exception()
    if error is None or isinstance(error, HubmirrorError):
        return error
    raise error


def _exactly(ref: RefRow) -> RefRow:
    """Ask for a locked commit, wherever its branch is now."""
    return RefRow(ref.commit, RefKind.COMMIT, ref.commit) if ref.commit else ref


def as_fetched(title: str, wanted: RefRow, commit: str) -> RefRow:
    """Say what a ref was when its bytes came; a branch may have moved since it was asked.

    Raises:
        UpstreamError: when a tag has moved since.
    """
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
