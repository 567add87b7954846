"""Carries questions from the processes of one call to its recorder, and answers back.

A socket in the throw-away folder, a thread for each process that connects. What is no message of
ours ends its connection, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from hubmirror.errors import InvalidInputError
from hubmirror.hub.recording.messages import (
    LONGEST_BYTES,
    Answer,
    Question,
    decode_question,
    encode,
)

NAME = "recorder"


@contextlib.contextmanager
def serving(folder: Path, answer: Callable[[Question], Answer]) -> Iterator[Path]:
    """Answer whoever connects to the socket that is given, until the end of the block."""
    listener = socket.socket(socket.AF_UNIX)
    connections: set[socket.socket] = set()
    try:
        _bind(listener, folder)
        listener.listen()
        threading.Thread(
            target=_accept, args=(listener, connections, answer), name="recorder", daemon=True
        ).start()
        yield folder / NAME
    finally:
        _end(listener)
        for connection in list(connections):
            _end(connection)


def _bind(listener: socket.socket, folder: Path) -> None:
    # By way of its folder, for the path of a socket may have 107 characters only.
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{NAME}")
    finally:
        os.close(descriptor)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _accept(
    listener: socket.socket,
    connections: set[socket.socket],
    answer: Callable[[Question], Answer],
) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # the call is over
            return
        connections.add(connection)
        threading.Thread(
            target=_serve, args=(connection, answer), name="recorder", daemon=True
        ).start()


def _serve(connection: socket.socket, answer: Callable[[Question], Answer]) -> None:
    with contextlib.suppress(OSError, InvalidInputError), connection:
        stream = connection.makefile("rwb")
        while line := stream.readline(LONGEST_BYTES):
            stream.write(encode(answer(decode_question(line))))
            stream.flush()
