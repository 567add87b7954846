"""The way to one host: straight or through a proxy, and the connections that wait for use.

The only room that imports urllib3, which opens connections: it knows proxies, tunnels and TLS
within TLS. What goes over a connection is ours. Used from several threads.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, make_headers, parse_url

from hubmirror.errors import InvalidInputError
from hubmirror.upstream.replies import Reply
from hubmirror.version import __version__

# A host must not run far ahead of what was read: a kill would lose all that waits in between.
_WINDOW = (socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 2 * 1024 * 1024)
_OPTIONS = [*HTTPConnection.default_socket_options, _WINDOW]
_PORTS = {"http": 80, "https": 443}
_KEPT = "%/:=&?~+!$,;'@()*[]"  # what stays as it is in an address; all else is encoded
_OURS = {"User-Agent": f"hubmirror/{__version__}", "Accept-Encoding": "identity"}

Connection = HTTPConnection


@dataclass(frozen=True, slots=True)
class Means:
    """What every way out has in common.

    Attributes:
        tls: Whom to trust, hosts and proxies alike.
        connect_s: How long a connection may take to be there.
        stall_s: How long nothing may come.
    """

    tls: ssl.SSLContext
    connect_s: float
    stall_s: float


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
            while not self._free:
                self._changed.wait()
            self._waiting -= 1
            self._free -= 1

    @property
    def spare(self) -> int:
        """How many slots are free that nobody waits for."""
        with self._changed:
            return max(0, self._free - self._waiting)

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


class Route:
    """The way to one host and port, with the connections to it that nobody uses now.

    Attributes:
        host: Its name.
        logins: The header lines to log in with, one after another; the last are none.
        led_logins: The same, where a redirect of another host or port led here.
        slots: How many more connections it may have.
    """

    def __init__(
        self,
        url: str,
        proxy: str,
        logins: Sequence[Mapping[str, str]],
        led_logins: Sequence[Mapping[str, str]],
        slots: Slots,
        means: Means,
    ) -> None:
        self.logins = logins
        self.led_logins = led_logins
        self.slots = slots
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
        self.host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._is_tls = parts.scheme == "https"
        self._proxy = _parse_proxy(proxy) if proxy else None
        self._means = means
        self._idle: list[HTTPConnection] = []  # append and pop are atomic
        self._is_closed = False
        weakref.finalize(self, _close_all, self._idle)  # of an owner that forgot to close
        self._before_target = ""
        self._lines = {"Host": netloc.encode("idna").decode(), **_OURS}
        if self._proxy and not self._is_tls:
            self._before_target = f"http://{self._lines['Host']}"
            self._lines |= _login(self._proxy)

    def ask(
        self, method: str, url: str, lines: dict[str, str], body: bytes = b""
    ) -> tuple[Connection, Reply]:
        """Send one request, and read the head of its answer; the connection is the caller's.

        One that its host closed while nobody used it counts for nothing: another is opened.

        Raises:
            OSError, urllib3.exceptions.HTTPError, http.client.HTTPException: when none comes.
        """
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        target = self._before_target + quote(f"{parts.path or '/'}{query}", _KEPT)
        head = "".join([f"{name}: {text}\r\n" for name, text in (self._lines | lines).items()])
        request = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
        while used := self._take():
            with contextlib.suppress(ConnectionError):
                return used, _exchange(used, method, request)
        fresh = self._open()
        return fresh, _exchange(fresh, method, request)

    def give_back(self, connection: Connection) -> None:
        """Let a connection wait for its next use."""
        self._idle.append(connection)
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Close the connections that wait; one in use is closed when it is given back."""
        self._is_closed = True
        _close_all(self._idle)

    def _take(self) -> Connection | None:
        """Take a connection that waits, still stands, and has nothing left to be read."""
        while self._idle:
            with contextlib.suppress(IndexError):
                connection = self._idle.pop()
                if connection.is_connected:
                    return connection
                connection.close()
        return None

    def _open(self) -> Connection:
        connection = self._new()
        try:
            connection.connect()
            connection.sock.settimeout(self._means.stall_s)
        except BaseException:
            connection.close()
            raise
        return connection

    def _new(self) -> Connection:
        means, proxy = self._means, self._proxy
        host, port, is_tls = self.host, self._port, self._is_tls
        if proxy and proxy.host:
            host, is_tls = proxy.host, is_tls or proxy.scheme == "https"
            port = proxy.port or _PORTS[proxy.scheme or "http"]
        if not is_tls:
            return Connection(
                host, port, timeout=means.connect_s, socket_options=_OPTIONS, proxy=proxy
            )
        connection = HTTPSConnection(
            host,
            port,
            timeout=means.connect_s,
            socket_options=_OPTIONS,
            proxy=proxy,
            proxy_config=ProxyConfig(means.tls, False, None, None),
            ssl_context=means.tls,
        )
        if proxy and self._is_tls:
            scheme = proxy.scheme or "http"
            connection.set_tunnel(self.host, self._port, headers=_login(proxy), scheme=scheme)
        return connection


def _close_all(idle: list[Connection]) -> None:
    while idle:
        idle.pop().close()


def _exchange(connection: Connection, method: str, request: bytes) -> Reply:
    reply: Reply | None = None
    try:
        connection.sock.sendall(request)
        reply = Reply(connection.sock, method=method)
        reply.begin()
    except BaseException:
        if reply:
            reply.close()
        connection.close()
        raise
    return reply


def _parse_proxy(text: str) -> Url:
    with contextlib.suppress(LocationParseError):
        proxy = parse_url(text)
        if proxy.scheme in _PORTS and proxy.host:
            return proxy
    raise InvalidInputError(
        "the proxy is no address of the form http://host:port or https://host:port",
        hint="see HTTP_PROXY, HTTPS_PROXY and ALL_PROXY in the environment",
    )


def _login(proxy: Url) -> dict[str, str]:
    if not proxy.auth:
        return {}
    headers = make_headers(proxy_basic_auth=unquote(proxy.auth))
    return {"Proxy-Authorization": headers["proxy-authorization"]}
