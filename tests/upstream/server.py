"""The stand-in for the internet: one HTTP server on loopback for files and git repositories.

Owns: the listening socket and the threads. Knows nothing of what is served.
Invariant: after `stop` no thread, socket or process of ours is left, and the port stays ours,
so that `start` brings the same upstream back at the same address.
"""

import contextlib
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.upstream.faults import Fault
from tests.upstream.handler import Handler, wrap_tls
from tests.upstream.log import Request, RequestLog
from tests.upstream.site import GIT_ROOT, Site

LOOPBACK = "127.0.0.1"
POLL_S = 0.02


class Upstream(Site):
    """A site that answers on loopback: `with Upstream(tmp_path) as up: ...`.

    It takes absolute-form targets too, so it may be given as `http_proxy`: whatever the host, it
    answers from its own files.
    """

    def __init__(self, root: Path, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(root)
        self._port = port
        self._tls = tls
        self._log = RequestLog()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._reserved: socket.socket | None = None
        self._halt = threading.Event()

    # --- Life ---------------------------------------------------------------------------

    def start(self) -> None:
        """Listen; on the port of the last time, if there was one."""
        if self._server is not None:
            return
        self._halt = threading.Event()
        self._release_port()
        self._server = _Server((LOOPBACK, self._port), self._bound_handler(), self._tls)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="upstream", daemon=True
        )
        self._thread.start()

    def _bound_handler(self) -> type[Handler]:
        class BoundHandler(Handler):
            site = self
            log = self._log
            halt = self._halt

        return BoundHandler

    def stop(self) -> None:
        """Cut every connection and refuse new ones, until the next `start`.

        Raises:
            Exception: what went wrong in the server's own code while it ran, if anything did.
        """
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        self._halt.set()
        server.shutdown()
        self._thread.join()
        server.close_connections()
        server.server_close()
        self._reserve_port()
        if server.failures:
            raise server.failures[0]

    def close(self) -> None:
        """Stop, and give the port back."""
        try:
            self.stop()
        finally:
            self._release_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _reserve_port(self) -> None:
        """Bind without listening: clients are refused, and nobody else can take the port."""
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((LOOPBACK, self._port))

    def _release_port(self) -> None:
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    # --- Addresses ----------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port, known from the first `start` on."""
        return self._port

    @property
    def base_url(self) -> str:
        """The address, without a slash at its end."""
        return f"{'http' if self._tls is None else 'https'}://{LOOPBACK}:{self._port}"

    def url(self, path: str) -> str:
        """The URL of a path."""
        return self.base_url + path

    def git_url(self, name: str) -> str:
        """The URL that git clones `owner/name` from."""
        return f"{self.base_url}{GIT_ROOT}{name}"

    def put(
        self,
        path: str,
        data: bytes | str | Path,
        *,
        fault: Fault | tuple[Fault, ...] = (),
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Serve bytes, text or a file, and give its URL; replaces what was at `path`."""
        faults = fault if isinstance(fault, tuple) else (fault,)
        self.hold(path, data, faults=faults, content_type=content_type, headers=headers)
        return self.url(path)

    # --- What was asked -----------------------------------------------------------------

    @property
    def requests(self) -> list[Request]:
        """Every request in order of arrival, once the open answers have ended."""
        return self._log.requests()

    def clear_log(self) -> None:
        """Forget every request so far."""
        self._log.clear()

    def paths(self) -> list[str]:
        """The path of every request."""
        return [request.path for request in self.requests]

    def fetched_files(self) -> list[str]:
        """The path of every GET of a file that was answered with bytes of it, repeats included."""
        return [
            request.path
            for request in self.requests
            if request.method == "GET"
            and request.status in {200, 206}
            and not request.path.startswith(GIT_ROOT)
        ]

    def asked_git(self) -> list[str]:
        """Every repository that was asked for, once each, by the name it was asked by."""
        asked = [path.split("/") for path in self.paths() if path.startswith(GIT_ROOT)]
        return list(dict.fromkeys(f"{p[2]}/{p[3].removesuffix('.git')}" for p in asked if p[3:]))


class _Server(socketserver.ThreadingTCPServer):
    """A thread per connection, each of which ends when the server does."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, address: tuple[str, int], handler: type[Handler], tls: ssl.SSLContext | None
    ) -> None:
        self.failures: list[BaseException] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._workers: list[threading.Thread] = []
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, client = super().get_request()
        return wrap_tls(connection, self._tls), client

    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._connections.add(request)
        self._workers = [old for old in self._workers if old.is_alive()]
        self._workers.append(thread)
        thread.start()

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket.socket)
        super().shutdown_request(request)
        with self._lock:
            self._connections.discard(request)

    def close_connections(self) -> None:
        """Cut every connection and wait for its thread."""
        with self._lock:
            open_now = list(self._connections)
        for connection in open_now:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # TLS or not, at once
        for thread in self._workers:
            thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep the error for `stop`: a bug of ours, since the handler expects what clients do."""
        error = sys.exception()
        if error is not None:
            self.failures.append(error)
