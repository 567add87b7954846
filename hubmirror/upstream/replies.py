"""The answer to one request, as it comes over an open connection.

The standard library's response with another reader of its head: a head takes as long to read
there as all else about a small file. Invariant: an answer whose end could be read in two ways
is none, or the next one on its connection would be made of its bytes.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from typing import IO, Any

_LONGEST_LINE = 65_536
_MOST_LINES = 200
_BODILESS = (204, 304)


class Headers(Mapping[str, str]):
    """The header lines of an answer; a name's letter case does not matter."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def get(self, name: str, default: Any = None) -> Any:  # as its base has it
        """Return a line's value; the base would raise and catch an error for each miss."""
        return self._values.get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Reply(http.client.HTTPResponse):
    """One answer; its body is read by the methods of the standard library."""

    fields: Headers

    def begin(self) -> None:
        """Read the head, passing over what only announces it (100, 103).

        Raises:
            http.client.HTTPException: when it is none, or does not say where the body ends.
        """
        while True:
            version, status, self.reason = self._read_status()  # type: ignore[attr-defined]
            values = _read_lines(self.fp)
            if not 100 <= status < 200:
                break
        self.code = self.status = status
        self.version = 10 if version.startswith("HTTP/1.0") else 11
        self.fields = Headers(values)
        coding = values.get("transfer-encoding", "").lower()
        if coding not in ("", "chunked", "identity"):
            raise http.client.HTTPException(f"its body comes as {coding!r}")
        self.chunked = coding == "chunked"
        self.chunk_left = None
        length = values.get("content-length", "")
        self.length = int(length) if length.isdecimal() and not self.chunked else None
        if status in _BODILESS or self._method == "HEAD":  # type: ignore[attr-defined]
            self.length, self.chunked = 0, False
        kept = values.get("connection", "").lower()
        lasts = "close" not in kept if self.version == 11 else "keep-alive" in kept
        self.will_close = not lasts or (self.length is None and not self.chunked)

    @property
    def is_read(self) -> bool:
        """Tell whether the body was read to its end, so that another answer may follow."""
        return self.isclosed() or self.length == 0


def _read_lines(stream: IO[bytes]) -> dict[str, str]:
    values: dict[str, str] = {}
    name = ""
    for _ in range(_MOST_LINES):
        line = stream.readline(_LONGEST_LINE)
        if line in (b"\r\n", b"\n"):
            return values
        if not line.endswith(b"\n"):
            raise http.client.HTTPException("the head of the answer broke off")
        text = line.decode("latin-1")
        if text[0] in " \t" and name:
            values[name] = f"{values[name]} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not name:
            raise http.client.HTTPException("a line in the head of the answer is no header")
        if name in values and name == "content-length" and values[name] != value:
            raise http.client.HTTPException("it says two lengths")
        if name in values and name != "content-length":
            value = f"{values[name]}, {value}"
        values[name] = value
    raise http.client.HTTPException("the head of the answer has no end")
