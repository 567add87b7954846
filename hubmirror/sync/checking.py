"""Asks the URLs again whose bytes are held: are they there still, and the same?

Only ``sync --check-urls`` does this, on a schedule of its own. Invariant: a host that gives no
clear answer changes nothing that is known; bytes are only called changed when their length or
their sha256 is another one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hubmirror import urls
from hubmirror.errors import GoneError, HubmirrorError
from hubmirror.findings import CheckedUrls, SeenUrl, UrlState
from hubmirror.plan import SourcePlan
from hubmirror.records import CheckpointRow, Digest
from hubmirror.specs import CheckpointSpec, Drift
from hubmirror.sync.room import Room
from hubmirror.sync.weights import Address, Stop, addresses
from hubmirror.upstream.http import HttpUpstream, Terms, Version, discard

STALL_S = 30.0
"""How long a host may say nothing."""
_PATIENCE_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Question:
    """A URL, the bytes that are held for it, and what is known of it."""

    spec: CheckpointSpec
    row: CheckpointRow
    most_bytes: int | None
    known: SeenUrl


class UrlChecker:
    """The means by which one run asks."""

    def __init__(
        self, http: HttpUpstream, room: Room, expand: Callable[[str], str], jobs: int
    ) -> None:
        self._http = http
        self._room = room
        self._expand = expand
        self._jobs = jobs
        self._now = datetime.now(UTC).isoformat(timespec="seconds")
        self._at_path: dict[Path, threading.Lock] = {}
        self._stop = Stop()

    def check(
        self,
        plans: Iterable[SourcePlan],
        known: Mapping[str, SeenUrl],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> CheckedUrls:
        """Ask every URL whose bytes are held, those first that were not asked for longest.

        What is not told in time is left for the next check.
        """
        questions = sorted(_questions(plans, known), key=lambda one: one.known.asked_at)
        pool = ThreadPoolExecutor(self._jobs)
        asked = {pool.submit(self._answer, one): one for one in questions}
        try:
            told, late = wait(asked, timeout=patience_s)
        finally:
            self._stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
        answers = [one.result() for one in told]
        unanswered = [str(one.message) for one in answers if isinstance(one, HubmirrorError)]
        unanswered += [f"{urls.redact(asked[one].row.url)}: not asked in time" for one in late]
        seen = {one.url: one for one in answers if isinstance(one, SeenUrl)}
        return CheckedUrls(seen, tuple(sorted(unanswered)))

    def _answer(self, question: _Question) -> SeenUrl | HubmirrorError:
        try:
            return self._ask(question)
        except HubmirrorError as error:
            return error

    def _ask(self, question: _Question) -> SeenUrl:
        said: list[str] = []
        for address in addresses(question.spec, self._expand):
            self._stop.check()
            try:
                told = self._http.look(address.url, address.shown)
            except GoneError as error:
                said.append(error.message)
                continue
            return self._compare(question, address, told)
        return self._found(question.known, UrlState.GONE, "; ".join(said))

    def _compare(self, question: _Question, address: Address, told: Version) -> SeenUrl:
        known, row = question.known, question.row
        fresh = replace(known, etag=told.etag, modified=told.modified)
        is_other_size = told.size_bytes not in (None, row.size_bytes)
        if not is_other_size and known.state is not UrlState.GONE and not _is_news(known, told):
            return self._found(fresh, known.state, known.detail)
        if is_other_size:
            detail = f"its length is {told.size_bytes}, that of the lock {row.size_bytes}"
            if question.spec.on_changed_url is Drift.FOLLOW or _is_too_large(told, question):
                return self._found(fresh, UrlState.CHANGED, detail)
        digest = self._fetch(address, question)
        if digest == row.digest:
            return self._found(fresh, UrlState.SAME, "")
        detail = f"the lock says sha256 {row.digest}, got {digest}"
        return self._found(fresh, UrlState.CHANGED, detail)

    def _found(self, known: SeenUrl, state: UrlState, detail: str) -> SeenUrl:
        since = known.since if known.state is state else self._now
        return replace(
            known,
            asked_at=self._now,
            state=state,
            since="" if state is UrlState.SAME else since,
            detail=detail,
        )

    def _fetch(self, address: Address, question: _Question) -> Digest:
        """Hash what is there now, and keep none of it."""
        path = self._room.partial(address.url)
        terms = Terms(
            address.shown, question.most_bytes, lambda _: self._stop.check(), self._room.check
        )
        with self._at_path.setdefault(path, threading.Lock()):  # two URLs may be one address
            fetched = self._http.fetch(address.url, path, terms)
            discard(path)
        return fetched.digest


def _is_too_large(told: Version, question: _Question) -> bool:
    most = question.most_bytes
    return most is not None and told.size_bytes is not None and told.size_bytes > most


def _is_news(known: SeenUrl, told: Version) -> bool:
    """Tell whether a host names another version than last time, as far as both times say."""
    before = Version(known.etag, known.modified)
    if before.etag and told.etag and not (_is_weak(before) or _is_weak(told)):
        return before.etag != told.etag
    return bool(before.modified and told.modified and before.modified != told.modified)


def _is_weak(version: Version) -> bool:
    return version.etag.startswith("W/")


def _questions(plans: Iterable[SourcePlan], known: Mapping[str, SeenUrl]) -> Iterator[_Question]:
    """Go through the checkpoints that are held, each URL once."""
    asked: set[str] = set()
    for plan in plans:
        specs = {spec.url: spec for spec in plan.manifest.all_checkpoints()}
        for unit in plan.units:
            most = unit.most_bytes(plan.manifest.settings)
            for row in unit.held_checkpoints:
                if row.url not in asked:
                    asked.add(row.url)
                    seen = known.get(row.url) or SeenUrl(row.url)
                    yield _Question(specs[row.url], row, most, seen)
