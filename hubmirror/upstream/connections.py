"""Connections to hosts: kept alive, counted, through proxies, trusted or refused.

The only room that imports urllib3. One answer is read at a time by the thread that asked;
follows redirects itself, so that a login goes to its own host only.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, SSLError

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.files import CHUNK_BYTES
from hubmirror.upstream import refusals
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.proxies import proxy_for
from hubmirror.upstream.refusals import PassingError
from hubmirror.version import __version__

_MOST_REDIRECTS = 10
_BROKEN = (HTTPError, http.client.HTTPException, OSError)
# A host must not run far ahead of what was read: a kill would lose all that waits in between.
_WINDOW = [(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 2 * 1024 * 1024)]


class Answer:
    """What a host said; its body is read piece by piece.

    Attributes:
        final: The address that answered, after redirects.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse, final: str, shown: str) -> None:
        self._response = response
        self._shown = shown
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.final = final

    @property
    def is_packed(self) -> bool:
        """Tell whether the body is compressed, so that its offsets are not the file's."""
        return self.headers.get("Content-Encoding", "identity").lower() != "identity"

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer, or less; 0 at the end.

        Raises:
            PassingError: when the connection breaks or stalls.
        """
        try:
            # urllib3's own readinto copies each piece twice; this is the reader beneath it.
            return int(self._response._fp.readinto(buffer))  # type: ignore[attr-defined] # noqa: SLF001
        except _BROKEN as error:
            raise self._broke(error) from error

    def pieces(self) -> Iterator[memoryview]:
        """Go through the body, unpacked.

        Raises:
            PassingError: when the connection breaks or stalls.
        """
        try:
            for piece in self._response.stream(CHUNK_BYTES, decode_content=True):
                yield memoryview(piece)
        except _BROKEN as error:
            raise self._broke(error) from error

    def _broke(self, error: BaseException) -> PassingError:
        if isinstance(error, TimeoutError):
            return self.broke_off("nothing came for too long")
        return self.broke_off(refusals.reason(error))

    def broke_off(self, why: str) -> PassingError:
        """Say that the body ended before the file did."""
        return PassingError(UpstreamError(f"{self._shown}: the body broke off: {why}"))

    def leave(self, *, finished: bool) -> None:
        """Give the connection back; it lives on if the body was read to its end."""
        if not finished:
            self._response.close()
        self._response.release_conn()


class Slots:
    """So many connections to one host at a time, over all threads of a run."""

    def __init__(self, most: int) -> None:
        self._changed = threading.Condition()
        self._free = most
        self._waiting = 0

    def take(self) -> None:
        """Wait for a slot."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._free)
            self._waiting -= 1
            self._free -= 1

    def try_take(self) -> bool:
        """Take a slot that nobody else waits for, or none."""
        with self._changed:
            is_free = self._free > self._waiting
            self._free -= is_free
            return is_free

    def give_back(self) -> None:
        """Let another thread have the slot."""
        with self._changed:
            self._free += 1
            self._changed.notify()


class Connections:
    """All connections of one run; used from several threads."""

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        proxies: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        most_per_host: int = 4,
        stall_s: float = 60,
    ) -> None:
        self._proxies = proxies or {}
        self._credentials = credentials or Credentials()
        self._most_per_host = most_per_host
        self._tls = _tls_context(ca_bundle)
        self._timeout = urllib3.Timeout(connect=min(20, stall_s), read=stall_s)
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._slots: dict[str, Slots] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.clear()

    def slots(self, url: str) -> Slots:
        """Return the slots of a URL's host."""
        with self._lock:
            return self._slots.setdefault(urlsplit(url).netloc, Slots(self._most_per_host))

    @contextlib.contextmanager
    def ask(self, url: str, shown: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        """Ask for a URL and follow its redirects; statuses other than 200 and 206 are refused.

        Raises:
            PassingError: when the next attempt may do better.
            UpstreamError: when it would not.
        """
        asked = url
        for _ in range(_MOST_REDIRECTS):
            response = self._get(asked, shown, headers)
            answer = Answer(response, asked, shown)
            try:
                if response.status not in refusals.REDIRECTS:
                    refusals.refuse_bad_status(response.status, response.headers, shown)
                    refusals.refuse_bad_length(response.headers, shown)
                    yield answer
                    return
                asked = refusals.follow(asked, response.headers.get("Location", ""), shown)
                response.drain_conn()
            finally:
                # A body that was read to its end has closed itself.
                answer.leave(finished=response.closed or response._fp.isclosed())  # type: ignore[attr-defined] # noqa: SLF001
        raise UpstreamError(f"{shown}: more than {_MOST_REDIRECTS} redirects")

    def _get(self, url: str, shown: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        ours = {"User-Agent": f"hubmirror/{__version__}", "Accept-Encoding": "identity", **headers}
        for login in self._credentials.headers(url):
            response = self._request(url, shown, {**ours, **login})
            if response.status != 401 or not login:
                return response
            response.drain_conn()
        raise AssertionError  # the last of the logins is none

    def _request(
        self, url: str, shown: str, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        host = urlsplit(url).hostname or ""
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
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._new_pool(proxy)
            return self._pools[proxy]

    def _new_pool(self, proxy: str) -> urllib3.PoolManager:
        options = [*HTTPConnection.default_socket_options, *_WINDOW]
        if not proxy:
            return urllib3.PoolManager(
                ssl_context=self._tls, timeout=self._timeout, maxsize=64, socket_options=options
            )
        return urllib3.ProxyManager(
            proxy,
            proxy_headers=_proxy_login(proxy),
            ssl_context=self._tls,
            proxy_ssl_context=self._tls,
            timeout=self._timeout,
            maxsize=64,
            socket_options=options,
        )


def _proxy_login(proxy: str) -> Mapping[str, str] | None:
    parts = urlsplit(proxy)
    if not parts.username:
        return None
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return urllib3.make_headers(proxy_basic_auth=login)


def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_bundle or None)
    except OSError as error:
        raise InvalidInputError(
            f"{ca_bundle}: cannot be read as CA certificates: {error}",
            hint="it comes from --ca-bundle, HUBMIRROR_CA_BUNDLE, SSL_CERT_FILE, "
            "REQUESTS_CA_BUNDLE or GIT_SSL_CAINFO, or from `ca_bundle:` in the settings",
        ) from error
