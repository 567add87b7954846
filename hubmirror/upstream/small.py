"""A file that comes in one go: hashed as it comes, written once, no thread, no journal.

What was written of it when its fetch was cut off is worth nothing, and is written over.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hubmirror.errors import UpstreamError
from hubmirror.files import CHUNK_BYTES
from hubmirror.records import Digest
from hubmirror.upstream import refusals
from hubmirror.upstream.connections import Answer
from hubmirror.upstream.download import Terms
from hubmirror.upstream.pace import Pace
from hubmirror.upstream.partials import STEP_BYTES

_MOST_ANSWER_BYTES = 16 * 1024 * 1024
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def is_small(answer: Answer) -> bool:
    """Tell whether an answer holds the whole of a file that no journal would serve."""
    size = answer.size_bytes
    return answer.status == 200 and size is not None and size <= STEP_BYTES


def read(answer: Answer, shown: str) -> bytes:
    """Return the body of an answer that is no file.

    Raises:
        PassingError: when it breaks off.
        UpstreamError: when it is too long.
    """
    body = bytearray()
    for piece in answer.pieces():
        body += piece
        if len(body) > _MOST_ANSWER_BYTES:
            raise UpstreamError(f"{shown}: the answer is longer than {_MOST_ANSWER_BYTES} bytes")
    return bytes(body)


def receive(answer: Answer, path: Path, pace: Pace, terms: Terms) -> Digest:
    """Write the body of a small answer, and return its digest.

    Raises:
        PassingError: when it breaks off.
        UpstreamError: when it is no file of weights.
        OSError: when it cannot be written.
    """
    size, come = answer.size_bytes or 0, 0
    refusals.refuse_empty(size, terms.shown)
    refusals.refuse_too_much(size, terms.most_bytes, terms.shown)
    terms.announced(size)
    buffer = memoryview(bytearray(min(size, CHUNK_BYTES)))
    summary = hashlib.sha256()
    descriptor = os.open(path, _WRITE, 0o600)
    try:
        while come < size and (count := answer.read_into(buffer[: size - come])):
            piece = buffer[:count]
            if come == 0 and terms.is_weights:
                refusals.refuse_page(bytes(piece), terms.shown)
            pace.take(count)
            terms.progress(count)
            summary.update(piece)
            while piece:
                piece = piece[os.write(descriptor, piece) :]
            come += count
    finally:
        os.close(descriptor)
    if come < size:
        raise answer.broke_off("the connection was closed early")
    return Digest(summary.hexdigest())
