"""The way from a traced process to its tracer: a Unix socket in the throw-away folder.

Each process has a connection of its own, made when it first asks; a forked child makes another.
"""

from __future__ import annotations

import os
import socket
import threading
from io import BufferedRWPair

from hubmirror.errors import NotFoundError
from hubmirror.hub.recording.messages import (
    LONGEST_BYTES,
    Answer,
    Question,
    decode_answer,
    encode,
)


class Channel:
    """Asks the tracer; from several threads, one question at a time."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.RLock()  # a refusal may be told while a question is asked
        self._stream: BufferedRWPair | None = None
        os.register_at_fork(after_in_child=self._begin_anew)

    def ask(self, question: Question) -> Answer:
        """Return the tracer's answer.

        Raises:
            NotFoundError: when the tracer is gone.
        """
        with self._lock:
            stream = self._connected()
            try:
                stream.write(encode(question))
                stream.flush()
                line = stream.readline(LONGEST_BYTES)
            except OSError as error:
                raise NotFoundError(f"the tracer of this process is gone: {error}") from error
        if not line:
            raise NotFoundError("the tracer of this process is gone")
        return decode_answer(line)

    def _connected(self) -> BufferedRWPair:
        if self._stream is None:
            self._stream = connect(self._address)
        return self._stream

    def _begin_anew(self) -> None:
        """In a forked child: neither the parent's connection nor its lock is ours."""
        self._lock = threading.RLock()
        self._stream = None


def connect(address: str) -> BufferedRWPair:
    """Return a stream to the tracer.

    Raises:
        NotFoundError: when nobody is there.
    """
    folder, name = os.path.split(address)
    try:
        # By way of its folder, for the path of a socket may have 107 characters only.
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(f"/proc/self/fd/{descriptor}/{name}")
                stream: BufferedRWPair = connection.makefile("rwb")
                return stream
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NotFoundError(f"the tracer of this process is gone: {error}") from error
