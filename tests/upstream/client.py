"""A client that believes nothing: it reports what was on the wire.

Owns: one request on one connection. Invariant: a broken answer is a result, not an exception,
once its head has come.
"""

import http.client
from dataclasses import dataclass

from tests.upstream.faults import Fault
from tests.upstream.server import Upstream

DATA = bytes(range(256)) * 4
SIZE = len(DATA)


@dataclass(frozen=True, slots=True)
class Got:
    """What a client had in hand at the end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    error: type[BaseException] | None


def ask(up: Upstream, method: str = "GET", **headers: str) -> Got:
    """Ask for `/a` on a new connection; underscores in header names become hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=5)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, "/a", headers=named)
        answer = connection.getresponse()
        body = b""
        error: type[BaseException] | None = None
        try:
            while piece := answer.read1():
                body += piece
            if answer.length:
                error = http.client.IncompleteRead
        except (http.client.HTTPException, OSError) as caught:
            error = type(caught)
        return Got(answer.status, answer.headers, body, error)
    finally:
        connection.close()


def hurt(up: Upstream, *faults: Fault, **headers: str) -> Got:
    """Lay these faults on `/a` and ask for it."""
    up.fault("/a", *faults)
    return ask(up, **headers)
