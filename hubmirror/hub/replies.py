"""What a web server would say, said from the mirror.

Owns: which requests are answered, and how: whole bodies, ranges, HEAD. Knows no HTTP library;
``http_clients`` hands a reply over in the words of each.
"""

from __future__ import annotations

import functools
import http.client
import io
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit

from hubmirror import urls
from hubmirror.errors import OfflineMissError
from hubmirror.hub import scope
from hubmirror.hub.scope import Scope
from hubmirror.hub.shelves import Asked
from hubmirror.hub.weights import explain_miss
from hubmirror.records import CheckpointRow, Digest
from hubmirror.settings import OnMiss

if TYPE_CHECKING:
    from mimetypes import MimeTypes

_ANSWERED = ("GET", "HEAD")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """One response, before any of its body is read."""

    method: str
    url: str
    status: HTTPStatus
    headers: Mapping[str, str]
    path: Path
    start: int
    length: int

    def chunks(self) -> Iterator[bytes]:
        """Read the body, a MiB at a time."""
        if self.method == "HEAD":
            return
        with _Slice(self.path, self.start, self.length) as body:
            while chunk := body.read(_CHUNK):
                yield chunk

    def as_response(self) -> http.client.HTTPResponse:
        """Return it as what the standard library reads from a socket."""
        lines = [f"HTTP/1.1 {self.status} {self.status.phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = _Slice(self.path, self.start, 0 if self.method == "HEAD" else self.length)
        connection = cast("socket.socket", _Connection(head, body))
        response = http.client.HTTPResponse(connection, method=self.method, url=self.url)
        response.begin()
        response.url = self.url
        return response


def reply_to(library: str, method: str, url: str, headers: Mapping[str, str]) -> Reply | None:
    """Return the answer to a request by a library, or None where it may go its own way.

    Raises:
        OfflineMissError: when it would leave this machine for what is not mirrored.
        VerificationError: when the bytes are not what they were.
    """
    inside = scope.current()
    if inside is None or urlsplit(url).scheme.lower() not in ("http", "https"):
        return None
    try:
        row = _find(inside, Asked(library, method), url)
    except HTTPError as error:
        return _nothing_there(method, url, HTTPStatus(error.code))
    if inside.supply and row:
        path = inside.supply.blob(row)
        return _reply(method, url, headers, path, row.digest, row.size_bytes)
    if inside.on_miss is OnMiss.ONLINE or not inside.reach.leads_out(url):
        return None
    raise inside.missed(_miss(method, url, inside))


def _find(inside: Scope, asked: Asked, url: str) -> CheckpointRow | None:
    if inside.supply is None or asked.method not in _ANSWERED:
        return None
    return inside.supply.find(url, asked)


def _nothing_there(method: str, url: str, status: HTTPStatus) -> Reply:
    said = {"Content-Type": "text/plain", "Content-Length": "0"}
    return Reply(method, url, status, said, Path(os.devnull), 0, 0)


def _miss(method: str, url: str, inside: Scope) -> OfflineMissError:
    if method not in _ANSWERED:
        inside.refused(f"{method} {urls.redact(url)}")
        return OfflineMissError(
            f"{method} {urls.redact(url)}: the network is refused while code runs from "
            f"{inside.where()}, and nothing there takes what is sent"
        )
    inside.require_supply(urls.redact(url))
    return explain_miss(url, inside)


def _reply(
    method: str, url: str, headers: Mapping[str, str], path: Path, digest: Digest, size: int
) -> Reply:
    given = {name.lower(): value for name, value in headers.items()}
    tag = f'"{digest.hex}"'
    said = {"Content-Type": _content_type(url), "Accept-Ranges": "bytes", "ETag": tag}
    status, start, end = HTTPStatus.OK, 0, size
    if method == "GET" and given.get("if-range", tag) == tag:
        status, start, end = _part(given.get("range", ""), size)
    if status is HTTPStatus.PARTIAL_CONTENT:
        said["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    elif status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        said["Content-Range"] = f"bytes */{size}"
    said["Content-Length"] = str(end - start)
    return Reply(method, url, status, said, path, start, end - start)


@functools.cache
def _types() -> MimeTypes:
    """Return Python's own list: what a machine adds to it is no business of ours."""
    import mimetypes  # seldom needed, and slow to come

    return mimetypes.MimeTypes()


def _content_type(url: str) -> str:
    kind, encoding = _types().guess_type(urlsplit(url).path)
    return kind if kind and not encoding else "application/octet-stream"


def _part(asked: str, size: int) -> tuple[HTTPStatus, int, int]:
    """Return the status and the part that a Range asks for; several ranges get all of it."""
    match = _RANGE.fullmatch(asked.strip())
    if not match or match[0] == "bytes=-":
        return HTTPStatus.OK, 0, size
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
    if start >= end:
        return HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, 0
    return HTTPStatus.PARTIAL_CONTENT, start, end


class _Slice(io.RawIOBase):
    """A part of a file."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(start)
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer of bytes
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _Wire(io.RawIOBase):
    """The bytes of a response as they would come from a socket."""

    def __init__(self, head: bytes, body: _Slice) -> None:
        self._head = io.BytesIO(head)
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._head.readinto(buffer) or self._body.readinto(buffer)

    def close(self) -> None:
        self._body.close()
        super().close()


@dataclass(frozen=True, slots=True)
class _Connection:
    """The one thing that ``http.client`` asks of a socket."""

    head: bytes
    body: _Slice

    def makefile(self, mode: str) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(_Wire(self.head, self.body), _CHUNK))
