"""Brings in weights: from which address, whether the bytes are right, and where they wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hubmirror import urls
from hubmirror.errors import HubmirrorError, RefusedError, UpstreamError, VerificationError
from hubmirror.index import Arrival
from hubmirror.plan import FetchPlan
from hubmirror.records import CheckpointRow
from hubmirror.specs import CheckpointSpec
from hubmirror.sync.landing import Landing
from hubmirror.sync.report import is_unreachable
from hubmirror.sync.room import Room
from hubmirror.upstream.http import Fetched, HttpUpstream, Terms, discard, discard_journal


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint that came in, and its arrival for the index."""

    row: CheckpointRow
    arrival: Arrival
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where bytes are asked for, and what messages may call that."""

    url: str
    shown: str


class Stop:
    """Ends the threads of a run that nobody waits for any more."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """End them."""
        self._event.set()

    def check(self) -> None:
        """Raise in a thread that shall end."""
        if self._event.is_set():
            raise UpstreamError("stopped")


Judge = Callable[[FetchPlan, Fetched, str], Sequence[str]]
"""Returns warnings about fetched bytes, or raises; see ``check_digest``."""


class WeightsFetcher:
    """The means by which one sync fetches weights; used from several threads."""

    def __init__(
        self,
        http: HttpUpstream,
        landing: Landing,
        room: Room,
        expand: Callable[[str], str],
        judge: Judge | None = None,
    ) -> None:
        self._judge = judge or check_digest
        self._http = http
        self._landing = landing
        self._room = room
        self._expand = expand
        self._at_path: dict[Path, threading.Lock] = {}
        self.stop = Stop()

    def fetch(
        self, wanted: FetchPlan, most_bytes: int | None, *, may_be_page: bool = False
    ) -> Weights:
        """Bring in a checkpoint from the first of its addresses that gives the right bytes.

        ``may_be_page`` lets a web page through, which is no file of weights.

        Raises:
            HubmirrorError: saying what came of every address.
        """
        failures: list[HubmirrorError] = []
        for address in addresses(wanted.spec, self._expand):
            terms = Terms(
                address.shown,
                most_bytes,
                lambda _: self.stop.check(),
                self._room.check,
                is_weights=not may_be_page,
            )
            try:
                fetched, warnings = self._fetch_from(address.url, wanted, terms)
            except HubmirrorError as error:
                failures.append(error)
                continue
            size, url = fetched.size_bytes, wanted.spec.url
            redirect = fetched.redirect if address.url == url else ""
            row = CheckpointRow(url, fetched.digest, size, redirect)
            arrival = Arrival(url, fetched.digest, size, redirect, fetched.etag)
            return Weights(row, arrival, warnings)
        raise _all_failed(failures)

    def _fetch_from(
        self, address: str, wanted: FetchPlan, terms: Terms
    ) -> tuple[Fetched, tuple[str, ...]]:
        """Fetch from one address."""
        path = self._room.partial(address)
        with self._at_path.setdefault(path, threading.Lock()):  # two sources may want one URL
            warnings: list[str] = []
            fetched = fetch_checked(
                self._http,
                address,
                path,
                terms,
                lambda came: warnings.extend(self._judge(wanted, came, terms.shown)),
            )
            self._landing.keep(path, fetched.digest)
            discard_journal(path)
        return fetched, tuple(warnings)


def addresses(spec: CheckpointSpec, expand: Callable[[str], str]) -> Iterator[Address]:
    """Go through the addresses of a checkpoint, in the order in which they are tried.

    Raises:
        HubmirrorError: when a variable in one of them is not set.
    """
    if spec.fetch_url:
        shown = f"{urls.redact(spec.url)} (by its fetch_url)"
        yield Address(expand(spec.fetch_url), shown)
    else:
        yield Address(spec.url, urls.redact(spec.url))
    for fallback in spec.fallbacks:
        yield Address(fallback, urls.redact(fallback))


def fetch_checked(
    http: HttpUpstream, url: str, path: Path, terms: Terms, check: Callable[[Fetched], None]
) -> Fetched:
    """Fetch what ``check`` lets pass; bytes that came in pieces and are wrong once more.

    Raises:
        HubmirrorError: as the fetch, or ``check`` by a VerificationError or RefusedError.
    """
    fetched = http.fetch(url, path, terms)
    try:
        check(fetched)
    except (VerificationError, RefusedError):
        discard(path)
        if not fetched.is_pieced:
            raise
        fetched = http.fetch(url, path, replace(terms, ranges=False))
        check(fetched)
    return fetched


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
    elif urls.name_contradicts(spec.url, got.hex):
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
