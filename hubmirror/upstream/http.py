"""Weights over HTTP, and from ``file://``: bytes in, digest out.

The only room that imports urllib3. Hashes while it writes; knows nothing of mirrors or of
what digest is expected. Credentials come from netrc, for the host that is asked and no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import netrc
import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from hubmirror import urls
from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.files import CHUNK_BYTES
from hubmirror.records import Digest
from hubmirror.upstream import refusals
from hubmirror.upstream.pace import Pace
from hubmirror.upstream.proxies import proxy_for
from hubmirror.upstream.refusals import PassingError
from hubmirror.version import __version__

_log = logging.getLogger(__name__)

_ATTEMPTS = 4
_MOST_REDIRECTS = 10
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a URL gave: its bytes are in the stream that the caller opened.

    ``redirect`` is the place (scheme, host, path) that answered, empty when the URL itself did.
    """

    digest: Digest
    size_bytes: int
    redirect: str
    etag: str


@dataclass(frozen=True, slots=True)
class Terms:
    """How one URL is fetched.

    Attributes:
        shown: What messages call the URL; it may hold a secret itself.
        most_bytes: Refuse more than this.
        progress: Told of each piece's size in bytes.
    """

    shown: str
    most_bytes: int | None = None
    progress: Callable[[int], None] = lambda _: None


class HttpUpstream:
    """Fetches weights; one object serves all threads of a sync, and is closed after it."""

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        proxies: Mapping[str, str] | None = None,
        netrc_file: Path | None = None,
        pace: Pace | None = None,
        first_wait_s: float = 0.5,
    ) -> None:
        self._proxies = proxies or {}
        self._netrc = _read_netrc(netrc_file)
        self._pace = pace or Pace(0)
        self._first_wait_s = first_wait_s
        self._tls = _tls_context(ca_bundle)
        self._pools: dict[str, urllib3.PoolManager] = {}

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.clear()

    def __enter__(self) -> HttpUpstream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(self, url: str, stream: IO[bytes], terms: Terms) -> Fetched:
        """Write the bytes of a URL (``http``, ``https`` or ``file``) to ``stream``.

        The stream is emptied first, and again before each new attempt: what may pass (no
        connection, a broken body, 429, 5xx) is tried four times in all, with growing waits; a
        server's Retry-After is honoured up to a minute.

        Raises:
            UpstreamError: naming the URL and what came instead of the bytes.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            stream.seek(0)
            stream.truncate()
            try:
                return self._fetch_once(url, stream, terms)
            except PassingError as failure:
                if attempt == _ATTEMPTS:
                    raise UpstreamError(
                        f"{failure.cause.message} ({attempt} attempts)",
                        hint=failure.cause.hint,
                        unreachable=failure.cause.unreachable,
                    ) from failure
                self._wait(attempt, failure)
        raise AssertionError  # the last attempt returned or raised

    def _wait(self, attempt: int, failure: PassingError) -> None:
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
        backoff_s = self._first_wait_s * 2 ** (attempt - 1) * jitter
        wait_s = min(max(backoff_s, failure.wait_s), _LONGEST_WAIT_S)
        _log.info("%s; trying again in %.1f s", failure.cause.message, wait_s)
        time.sleep(wait_s)

    def _fetch_once(self, url: str, stream: IO[bytes], terms: Terms) -> Fetched:
        if urlsplit(url).scheme == "file":
            digest, size = _store(_read_file(url, terms.shown), stream, terms)
            return Fetched(digest, size, redirect="", etag="")
        with self._answer(url, terms.shown) as (response, final):
            announced = int(response.headers.get("Content-Length") or 0)
            refusals.refuse_too_much(announced, terms.most_bytes, terms.shown)
            digest, size = _store(self._body(response, terms.shown), stream, terms)
            redirect = urls.place(final) if final != url and urls.is_plain(final) else ""
            return Fetched(digest, size, redirect, response.headers.get("ETag", ""))

    @contextlib.contextmanager
    def _answer(self, url: str, shown: str) -> Iterator[tuple[urllib3.BaseHTTPResponse, str]]:
        asked = url
        for _ in range(_MOST_REDIRECTS):
            response = self._get(asked, shown)
            try:
                if response.status not in refusals.REDIRECTS:
                    refusals.refuse_bad_status(response, shown)
                    yield response, asked
                    return
                asked = refusals.follow(asked, response.headers.get("Location", ""), shown)
                response.drain_conn()
            finally:
                # A body that was read to its end has given its connection back already.
                response.close()
        raise UpstreamError(f"{shown}: more than {_MOST_REDIRECTS} redirects")

    def _get(self, url: str, shown: str) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": f"hubmirror/{__version__}", "Accept-Encoding": "identity"}
        host = urlsplit(url).hostname or ""
        if login := self._netrc.get(host):
            headers |= urllib3.make_headers(basic_auth=":".join(login))
        try:
            return self._pool(url).request(
                "GET", url, headers=headers, redirect=False, retries=False, preload_content=False
            )
        except SSLError as error:
            raise refusals.certificate_error(shown, host, error) from error
        except HTTPError as error:
            reason = refusals.reason(error)
            raise PassingError(
                UpstreamError(f"{shown}: no answer from {host}: {reason}", unreachable=True)
            ) from error

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url, self._proxies)
        if proxy not in self._pools:
            timeout = urllib3.Timeout(connect=20, read=60)
            if proxy:
                self._pools[proxy] = urllib3.ProxyManager(
                    proxy,
                    proxy_headers=_proxy_login(proxy),
                    ssl_context=self._tls,
                    proxy_ssl_context=self._tls,
                    timeout=timeout,
                    maxsize=16,
                )
            else:
                self._pools[proxy] = urllib3.PoolManager(
                    ssl_context=self._tls, timeout=timeout, maxsize=16
                )
        return self._pools[proxy]

    def _body(self, response: urllib3.BaseHTTPResponse, shown: str) -> Iterator[bytes]:
        try:
            for piece in response.stream(CHUNK_BYTES, decode_content=True):
                self._pace.take(len(piece))
                yield piece
        except HTTPError as error:
            reason = refusals.reason(error)
            raise PassingError(UpstreamError(f"{shown}: the body broke off: {reason}")) from error


def _store(pieces: Iterator[bytes], stream: IO[bytes], terms: Terms) -> tuple[Digest, int]:
    summary, size = hashlib.sha256(), 0
    for piece in pieces:
        if size == 0:
            refusals.refuse_page(piece, terms.shown)
        size += len(piece)
        refusals.refuse_too_much(size, terms.most_bytes, terms.shown)
        summary.update(piece)
        stream.write(piece)
        terms.progress(len(piece))
    if size == 0:
        raise UpstreamError(f"{terms.shown}: the file is empty (0 bytes)")
    stream.flush()
    return Digest(summary.hexdigest()), size


def _read_file(url: str, shown: str) -> Iterator[bytes]:
    try:
        with Path(unquote(urlsplit(url).path)).open("rb") as source:
            while piece := source.read(CHUNK_BYTES):
                yield piece
    except OSError as error:
        raise UpstreamError(f"{shown}: {error.strerror}") from error


def _proxy_login(proxy: str) -> Mapping[str, str] | None:
    parts = urlsplit(proxy)
    if not parts.username:
        return None
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return urllib3.make_headers(proxy_basic_auth=login)


def _read_netrc(path: Path | None) -> Mapping[str, tuple[str, str]]:
    if path is None:
        return {}
    try:
        hosts = netrc.netrc(str(path)).hosts
    except FileNotFoundError:
        return {}
    except (OSError, netrc.NetrcParseError) as error:
        raise InvalidInputError(f"{path}: cannot be read as netrc: {error}") from error
    return {host: (login, password) for host, (login, _, password) in hosts.items()}


def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_bundle or None)
    except OSError as error:
        raise InvalidInputError(
            f"{ca_bundle}: cannot be read as CA certificates: {error}",
            hint="it comes from --ca-bundle, HUBMIRROR_CA_BUNDLE, SSL_CERT_FILE, "
            "REQUESTS_CA_BUNDLE or GIT_SSL_CAINFO, or from `ca_bundle:` in the settings",
        ) from error
