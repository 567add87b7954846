"""The answer of a git host that is asked for its refs, in git's own lines.

Pure. Invariant: what is not exactly such an answer is refused, however it lies about lengths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SERVICE = b"# service=git-upload-pack"
_LENGTH_BYTES = 4
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_REF = re.compile(rb"(?P<object_id>[0-9a-f]{40}(?:[0-9a-f]{24})?) (?P<name>[^\x00-\x20\x7f]+)")
_NO_REFS = b"capabilities^{}"


class NotAnAdvertisementError(ValueError):
    """An answer that is no list of refs, or is one in another protocol than git's first."""


def read_advertisement(body: bytes) -> bytes:
    """Read the answer to ``info/refs?service=git-upload-pack`` in git's protocol 0.

    Returns:
        The same as ``git ls-remote --symref`` prints it.

    Raises:
        NotAnAdvertisementError: for anything else.
    """
    packets = _packets(body)
    if next(packets, None) != _SERVICE or next(packets, _SERVICE) is not None:
        raise NotAnAdvertisementError
    first, _, offered = (next(packets, None) or b"").partition(b"\0")
    head = re.search(rb"(?:^| )symref=HEAD:([^\x00-\x20\x7f]+)", offered)
    lines = [b"ref: %b\tHEAD" % head[1]] if head else []
    line: bytes | None = first
    while line is not None:
        ref = _REF.fullmatch(line)
        if ref is not None:
            lines.append(b"%b\t%b" % ref.group("object_id", "name"))
        elif not line.startswith(b"shallow "):
            raise NotAnAdvertisementError
        line = next(packets, b"")  # nothing more, before the end was told, is no ref either
    return b"\n".join(line for line in lines if not line.endswith(_NO_REFS))


def _packets(body: bytes) -> Iterator[bytes | None]:
    """Go through the packets of an answer; None is the end of a section."""
    start = 0
    while start < len(body):
        digits = body[start : start + _LENGTH_BYTES]
        size = int(digits, 16) if _LENGTH.fullmatch(digits) else -1
        end = start + size
        if size == 0:
            end = start + _LENGTH_BYTES
            yield None
        elif size <= _LENGTH_BYTES or end > len(body):
            raise NotAnAdvertisementError
        else:
            yield body[start + _LENGTH_BYTES : end].removesuffix(b"\n")
        start = end
