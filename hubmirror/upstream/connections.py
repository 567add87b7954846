"""Asks hosts for addresses: who may be asked how often at once, as whom, and by which way.

One answer is read at a time by the thread that asked; follows redirects itself, so that a
login goes to its own host only. Knows nothing of files.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.upstream import refusals
from hubmirror.upstream.credentials import Credentials, Logins
from hubmirror.upstream.packed import as_they_come, unpacked
from hubmirror.upstream.proxies import proxy_for
from hubmirror.upstream.refusals import PassingError
from hubmirror.upstream.replies import Reply
from hubmirror.upstream.routes import Connection, Means, Route, Slots

_MOST_REDIRECTS = 10
_MOST_DRAINED_BYTES = 65_536
_BROKEN = (HTTPError, http.client.HTTPException, OSError, EOFError, zlib.error)


class Answer:
    """What a host said; its body is read piece by piece. Used in ``with``.

    Attributes:
        is_packed: Whether the body is compressed, so that its offsets are not the file's.
        size_bytes: The size of the body; None where the host does not say, or packs it.
        final: The address that answered, after redirects.
        waited_s: How long it took until the answer began.
    """

    def __init__(
        self, route: Route, connection: Connection, reply: Reply, final: str, shown: str
    ) -> None:
        self._route = route
        self._connection = connection
        self._reply = reply
        self._shown = shown
        self.status = reply.status
        self.headers = reply.fields
        self.is_packed = reply.fields.get("Content-Encoding", "identity").lower() != "identity"
        length = reply.fields.get("Content-Length", "")
        self.size_bytes = int(length) if length.isdecimal() and not self.is_packed else None
        self.final = final
        self.waited_s = 0.0
        self._is_left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer, or less; 0 at the end.

        Raises:
            PassingError: when the connection breaks or stalls.
        """
        try:
            return self._reply.readinto(buffer)
        except _BROKEN as error:
            raise self._broke(error) from error

    def pieces(self, *, most_s: float | None = None) -> Iterator[memoryview]:
        """Go through the body, unpacked.

        With ``most_s``, each piece is given as soon as it comes, and the last one by then.

        Raises:
            PassingError: when the connection breaks or stalls, or takes longer.
        """
        end = math.inf if most_s is None else time.monotonic() + most_s
        read_into = self._reply.readinto if most_s is None else self._reply.readinto1
        try:
            for piece in (unpacked if self.is_packed else as_they_come)(read_into):
                if time.monotonic() > end:
                    raise self.broke_off(f"it was not whole within {most_s:g} s")
                yield piece
        except _BROKEN as error:
            raise self._broke(error) from error

    def _broke(self, error: BaseException) -> PassingError:
        if isinstance(error, TimeoutError):
            return self.broke_off("nothing came for too long")
        return self.broke_off(refusals.reason(error))

    def broke_off(self, why: str) -> PassingError:
        """Say that the body ended before the file did."""
        return PassingError(UpstreamError(f"{self._shown}: the body broke off: {why}"))

    def drain(self) -> None:
        """Read a short body that nobody wants, so that its connection can be used again."""
        length = self._reply.length
        if length is not None and length <= _MOST_DRAINED_BYTES:
            with contextlib.suppress(*_BROKEN):
                self._reply.read()

    def leave(self) -> None:
        """Give the connection back, if the body was read to its end; may be called twice."""
        if self._is_left:
            return
        self._is_left = True
        is_good = self._reply.is_read and not self._reply.will_close
        self._reply.close()
        if is_good:
            self._route.give_back(self._connection)
        else:
            self._connection.close()


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
        self._means = Means(_tls_context(ca_bundle), min(20, stall_s), stall_s)
        self._routes: dict[tuple[str, str], Route] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every connection; one in use is closed when its answer is left."""
        with self._lock:
            for route in self._routes.values():
                route.close()

    def slots(self, url: str, shown: str) -> Slots:
        """Return the slots of a URL's host.

        Raises:
            UpstreamError: when it is no web address.
        """
        return self._route(url, shown).slots

    def ask(
        self,
        url: str,
        shown: str,
        headers: Mapping[str, str],
        *,
        method: str = "GET",
        body: bytes = b"",
        logins: Logins | None = None,
        start: str = "",
    ) -> Answer:
        """Ask for a URL and follow its redirects; statuses other than 200 and 206 are refused.

        ``logins`` stand in place of those of this run. ``start`` is where its redirects led an
        earlier time, to be asked at once.

        Raises:
            PassingError: when the next attempt may do better.
            UpstreamError: when it would not.
        """
        started = time.monotonic()
        asked = start or url
        for _ in range(_MOST_REDIRECTS):
            route = self._route(asked, shown)
            own = route.logins if _is_same_place(asked, url) else route.led_logins
            found = logins.headers(asked) if logins else own
            answer = self._ask_as_somebody(method, asked, shown, headers, body, found)
            try:
                if answer.status not in refusals.REDIRECTS:
                    refusals.refuse_bad_status(answer.status, answer.headers, shown)
                    refusals.refuse_bad_length(answer.headers, shown)
                    refusals.refuse_bad_packing(answer.headers, shown)
                    answer.waited_s = time.monotonic() - started
                    return answer
                asked = refusals.follow(asked, answer.headers.get("Location", ""), shown)
                answer.drain()
            except BaseException:
                answer.leave()
                raise
            answer.leave()
        raise UpstreamError(f"{shown}: more than {_MOST_REDIRECTS} redirects")

    def _ask_as_somebody(
        self,
        method: str,
        url: str,
        shown: str,
        headers: Mapping[str, str],
        body: bytes,
        logins: Iterable[Mapping[str, str]],
    ) -> Answer:
        """Ask with the host's login first; a dead one must not hide a public file."""
        route = self._route(url, shown)
        for login in logins:
            answer = _ask(route, method, url, shown, {**headers, **login}, body)
            if answer.status != 401 or not login:
                return answer
            with answer:
                answer.drain()
        raise AssertionError  # the last of the logins is none

    def _route(self, url: str, shown: str) -> Route:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")  # which is refused below
        place = parts.scheme, parts.netloc
        if place not in self._routes:
            refusals.refuse_bad_address(url, shown)
            proxy = proxy_for(url, self._proxies)
            logins = tuple(self._credentials.headers(url))
            led_logins = tuple(self._credentials.headers(url, is_led=True))
            slots = Slots(self._most_per_host)
            with self._lock:
                self._routes.setdefault(
                    place, Route(url, proxy, logins, led_logins, slots, self._means)
                )
        return self._routes[place]


def _ask(
    route: Route, method: str, url: str, shown: str, headers: dict[str, str], body: bytes
) -> Answer:
    try:
        connection, reply = route.ask(method, url, headers, body)
    except _BROKEN as error:
        for cause in (error, error.__cause__):  # a proxy's is wrapped
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise refusals.certificate_error(shown, route.host, cause) from error
        reason = refusals.reason(error)
        raise PassingError(
            UpstreamError(f"{shown}: no answer from {route.host}: {reason}", unreachable=True)
        ) from error
    return Answer(route, connection, reply, url, shown)


def _is_same_place(one: str, other: str) -> bool:
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_bundle or None)
    except OSError as error:
        raise InvalidInputError(
            f"{ca_bundle}: cannot be read as CA certificates: {error}",
            hint="it comes from --ca-bundle, HUBMIRROR_CA_BUNDLE, SSL_CERT_FILE, "
            "REQUESTS_CA_BUNDLE or GIT_SSL_CAINFO, or from `ca_bundle:` in the settings",
        ) from error
