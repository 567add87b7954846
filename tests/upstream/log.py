"""What an upstream was asked, and what it sent.

Owns: the records of requests. Knows nothing of what is served.
Invariant: a reader of the log sees every request whose answer a client has read to its end.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request and its answer.

    `status` is 0 if the connection closed without one; `host` is the one asked for, which
    differs from ours when we are used as a proxy; `sent_bytes` counts body bytes, unframed.
    """

    method: str
    path: str
    query: str
    host: str
    range: str | None
    is_authorized: bool
    status: int = 0
    sent_bytes: int = 0


class Entry:
    """A request that is being answered."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def answered(self, status: int) -> None:
        """Note the status."""
        self.request = replace(self.request, status=status)

    def sent(self, size: int) -> None:
        """Note so many more body bytes."""
        self.request = replace(self.request, sent_bytes=self.request.sent_bytes + size)


class RequestLog:
    """All requests in order of arrival; safe from any thread."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._open = 0
        self._changed = threading.Condition()

    @contextmanager
    def record(self, request: Request) -> Iterator[Entry]:
        """Keep a request from its arrival to the end of its answer."""
        entry = Entry(request)
        with self._changed:
            self._entries.append(entry)
            self._open += 1
        try:
            yield entry
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def requests(self) -> list[Request]:
        """Every request so far.

        A client may read the last byte before the server has noted that it sent it, so this
        waits for open answers; an answer that stalls is listed as far as it has come.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._open, timeout=SETTLE_S)
            return [entry.request for entry in self._entries]

    def clear(self) -> None:
        """Forget every request, after open answers have ended."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open, timeout=SETTLE_S)
            self._entries.clear()
