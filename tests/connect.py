"""A proxy that opens tunnels to loopback: a host of any name is where the test says."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping

PIECE_BYTES = 64 * 1024


class Tunnels(socketserver.ThreadingTCPServer):
    """Takes ``CONNECT host:port`` alone.

    Attributes:
        asked: Every tunnel that was asked for, as ``host:port``.
        heads: What was said to the proxy itself, header lines and all.
    """

    daemon_threads = True

    def __init__(self, ports: Mapping[str, int]) -> None:
        """Lead each ``host:port`` to a port of loopback; there is no way to any other."""
        self.ports = ports
        self.asked: list[str] = []
        self.heads: list[str] = []
        super().__init__(("127.0.0.1", 0), _Tunnel)

    @property
    def url(self) -> str:
        """What to give as ``https_proxy``."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def tunnels(ports: Mapping[str, int]) -> Iterator[Tunnels]:
    """Run the proxy."""
    with Tunnels(ports) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Tunnel(socketserver.StreamRequestHandler):
    server: Tunnels
    rbufsize = 0  # what follows the head belongs to the tunnel

    def handle(self) -> None:
        head = b"".join(iter(self.rfile.readline, b"\r\n")).decode("latin-1")
        method, place, _ = head.split(" ", 2)
        self.server.heads.append(head)
        self.server.asked.append(place)
        if method != "CONNECT" or place not in self.server.ports:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.server.ports[place])) as target:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(target, self.connection))
            back.start()
            _copy(self.connection, target)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes one way, until either end goes away."""
    with contextlib.suppress(OSError):
        while piece := source.recv(PIECE_BYTES):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
