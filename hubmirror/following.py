"""A thread that hashes what another one writes, out of the page cache, close behind it.

Owns: how far it may fall behind. Knows files by their descriptors only. Invariant: what it
cannot read back is raised in the thread that waits for it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from hubmirror.records import Digest

_SPANS_BEHIND = 8
_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Span:
    descriptor: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _End:
    then: Callable[[Digest], None]


class Follower:
    """Hashes spans in the order in which they are given; for one thread that gives them.

    The thread starts with the first of them.
    """

    def __init__(self) -> None:
        self._work: queue.Queue[_Span | _End | None] = queue.Queue(_SPANS_BEHIND)
        self._thread: threading.Thread | None = None
        self._summary = hashlib.sha256()
        self._error: BaseException | None = None

    @property
    def is_broken(self) -> bool:
        """Whether something could not be read back."""
        return self._error is not None

    def follow(self, descriptor: int, offset: int, length: int) -> None:
        """Hash this span next, which is written; waits where the thread is too far behind."""
        self._put(_Span(descriptor, offset, length))

    def finish(self, then: Callable[[Digest], None]) -> None:
        """Call this, in the thread, with the digest of the spans since the last call of it."""
        self._put(_End(then))

    def wait(self) -> None:
        """Wait until all that was given is hashed.

        Raises:
            OSError: when a span could not be read back.
        """
        self._work.join()
        if self._error:
            raise self._error

    def end(self) -> None:
        """Let the thread go; what it has not hashed yet it leaves."""
        if self._thread is None:
            return
        with contextlib.suppress(queue.Empty):
            while True:
                self._work.get_nowait()
        self._work.put(None)
        self._thread.join()

    def _put(self, work: _Span | _End) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="hash", daemon=True)
            self._thread.start()
        self._work.put(work)

    def _run(self) -> None:
        buffer = memoryview(bytearray(_READ_BYTES))
        while work := self._work.get():
            try:
                if not self._error:
                    self._do(work, buffer)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                self._error = error
            finally:
                self._work.task_done()

    def _do(self, work: _Span | _End, buffer: memoryview) -> None:
        if isinstance(work, _End):
            summary, self._summary = self._summary, hashlib.sha256()
            work.then(Digest(summary.hexdigest()))
            return
        offset, end = work.offset, work.offset + work.length
        while offset < end:
            most = min(len(buffer), end - offset)
            got = os.preadv(work.descriptor, [buffer[:most]], offset)
            if not got:
                raise OSError(errno.EIO, "what was written cannot be read back")
            self._summary.update(buffer[:got])
            offset += got
