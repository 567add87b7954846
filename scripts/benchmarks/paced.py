"""A host that limits each connection, as object stores and model hubs do.

Every request waits first; every connection has its own rate, over all its requests, so that
small ranges gain nothing. A server of its own because nginx gives each request its first
second for free. Runs as a process of its own and sends with ``sendfile``: it never is what
limits.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmarks.processes import ROOT

_PIECE_BYTES = 128 * 1024
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)\r\n", re.IGNORECASE)
_PATH = re.compile(rb"GET /(\S+) HTTP/1.1\r\n")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection gets."""

    bytes_per_second: int
    latency_s: float


@contextlib.contextmanager
def paced(served: Path, terms: Terms) -> Iterator[str]:
    """Serve a folder; give the address."""
    command = [
        *(sys.executable, "-m", "scripts.benchmarks.paced", str(served)),
        *(str(terms.bytes_per_second), str(terms.latency_s)),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise AssertionError
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@dataclass(slots=True)
class _Connection:
    """One connection: answers requests until the other side is done."""

    peer: socket.socket
    served: Path
    terms: Terms
    free_at: float = field(default_factory=time.monotonic)

    def serve(self) -> None:
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.peer, contextlib.suppress(ConnectionError):
            while request := self._request():
                time.sleep(self.terms.latency_s)
                self._answer(request)

    def _request(self) -> bytes:
        asked = b""
        while not asked.endswith(b"\r\n\r\n"):
            piece = self.peer.recv(65536)
            if not piece:
                return b""
            asked += piece
        return asked

    def _answer(self, request: bytes) -> None:
        path = _PATH.match(request)
        if path is None:
            raise ConnectionError("not a request for a file")
        with (self.served / path[1].decode()).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            asked = _RANGE.search(request)
            start = int(asked[1]) if asked else 0
            stop = int(asked[2]) + 1 if asked and asked[2] else size
            stop = min(stop, size)
            head = ["HTTP/1.1 206 Partial Content" if asked else "HTTP/1.1 200 OK"]
            if asked:
                head.append(f"Content-Range: bytes {start}-{stop - 1}/{size}")
            head += [f"Content-Length: {stop - start}", "Accept-Ranges: bytes", 'ETag: "one"']
            self.peer.sendall("\r\n".join([*head, "", ""]).encode())
            self._send(stream.fileno(), start, stop)

    def _send(self, descriptor: int, start: int, stop: int) -> None:
        while start < stop:
            now = time.monotonic()
            if self.free_at > now:
                time.sleep(self.free_at - now)
            piece = min(_PIECE_BYTES, stop - start)
            sent = os.sendfile(self.peer.fileno(), descriptor, start, piece)
            if sent == 0:
                raise ConnectionError("the other side is gone")
            start += sent
            self.free_at = max(self.free_at, now) + sent / self.terms.bytes_per_second


def main() -> None:
    """Serve until terminated; the address is the one line on stdout."""
    parser = argparse.ArgumentParser()
    parser.add_argument("served", type=Path)
    parser.add_argument("bytes_per_second", type=int)
    parser.add_argument("latency_s", type=float)
    given = parser.parse_args()
    terms = Terms(given.bytes_per_second, given.latency_s)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        while True:
            peer, _ = listening.accept()
            connection = _Connection(peer, given.served, terms)
            threading.Thread(target=connection.serve, daemon=True).start()


if __name__ == "__main__":
    main()
