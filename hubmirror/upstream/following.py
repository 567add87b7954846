"""Hashes a file while it is written, out of the page cache, behind those who write it."""

from __future__ import annotations

import hashlib
import os
import threading

from hubmirror import files
from hubmirror.records import Digest
from hubmirror.upstream.partials import Partial

_WORTH_A_THREAD_BYTES = 16 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_VOUCH_BYTES = 32 * 1024 * 1024


class Follower:
    """The digest of a partial file's beginning.

    A short file is hashed when it is complete and still in the page cache: there a thread would
    cost more than it saves.
    """

    def __init__(self, partial: Partial) -> None:
        self._partial = partial
        self._summary = hashlib.sha256()
        self._done = 0
        self._vouched = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._error: BaseException | None = None
        self.is_sound = True
        """False once bytes of an earlier run turned out to be others than it wrote."""

    def follow(self) -> None:
        """Hash what is there, now and from now on: in a thread, unless the file is short."""
        size = self._partial.version.size_bytes
        if size is not None and size < _WORTH_A_THREAD_BYTES:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="hash", daemon=True)
            self._thread.start()
        with self._changed:
            self._changed.notify()

    def stop(self) -> None:
        """End the thread, wherever it is."""
        if self._thread is not None:
            with self._changed:
                self._is_over = True
                self._changed.notify()
            self._thread.join()
            self._thread = None

    def finish(self, size_bytes: int) -> Digest:
        """Return the digest of the whole file, once all of it is written.

        Raises:
            OSError: when it cannot be read back.
        """
        self.stop()
        if self._error:
            raise self._error
        self._catch_up(size_bytes)
        return Digest(self._summary.hexdigest())

    def _run(self) -> None:
        try:
            while not self._is_over:
                with self._changed:
                    self._changed.wait_for(self._has_work)
                self._catch_up(self._partial.front)
        except OSError as error:
            self._error = error

    def _has_work(self) -> bool:
        return self._is_over or self._partial.front > self._done

    def _catch_up(self, front: int) -> None:
        vouched_bytes, vouched_digest = self._partial.vouched
        view = memoryview(bytearray(min(_READ_BYTES, max(front - self._done, 0))))
        while self._done < front:
            most = min(_READ_BYTES, front - self._done)
            if self._done < vouched_bytes:
                most = min(most, vouched_bytes - self._done)
            size = os.preadv(self._partial.descriptor, [view[:most]], self._done)
            if not size:
                raise OSError(5, "the file became shorter while it was written")
            self._summary.update(view[:size])
            self._done += size
            if self._done == vouched_bytes:
                self.is_sound = self._summary.hexdigest() == vouched_digest
            if self._done - self._vouched >= _VOUCH_BYTES:
                files.start_writing_out(
                    self._partial.descriptor, self._vouched, self._done - self._vouched
                )
                self._vouched = self._done
                self._partial.vouch(self._done, self._summary.hexdigest())
