"""Decides what to answer when a file is asked for; sends nothing.

Owns: validators, ranges, framing, and what a fault makes of them (RFC 9110). Knows nothing of
sockets. Invariant: without faults, a reply is what a correct HTTP/1.1 server says.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from email.message import Message
from http.client import responses
from typing import Literal, assert_never, get_args

from tests.upstream import faults as bad
from tests.upstream.armed import FaultSet
from tests.upstream.content import Content

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as an answer depends on it."""

    method: str
    target: str
    headers: Message


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is ready to be sent."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: Iterable[bytes] = field(default=())
    length: int = 0
    framing: Literal["length", "chunked", "close"] = "length"


def text(status: int, words: str, *headers: tuple[str, str], kind: str = "text/plain") -> Reply:
    """A reply with a short body."""
    body = words.encode()
    typed = ("Content-Type", f"{kind}; charset=utf-8")
    return Reply(status, (typed, *headers), (body,), len(body))


def redirect(status: int, location: str) -> Reply:
    """A reply that sends the client elsewhere."""
    return text(status, "moved\n", ("Location", location))


def refusal(asked: Asked, faults: FaultSet) -> Reply | None:
    """What the first biting fault answers in place of the file or repository, if any does."""
    for armed in faults.armed:
        fault = armed.fault
        if not isinstance(fault, get_args(bad.AnswerFault)) or not _concerns(fault, asked):
            continue
        if armed.bites():
            return _refuse(fault, asked)
    return None


def _concerns(fault: bad.AnswerFault, asked: Asked) -> bool:
    given = asked.headers["Authorization"]
    match fault:
        case bad.NoHead():
            return asked.method == "HEAD"
        case bad.WantsAuthorization(value=value):
            return given != value
        case bad.RejectsAuthorization():
            return given is not None
        case _:
            return True


def _refuse(fault: bad.AnswerFault, asked: Asked) -> Reply:
    match fault:
        case bad.Status(code=code, headers=headers):
            return text(code, f"{responses.get(code, code)}\n", *headers.items())
        case bad.HtmlPage(title=title):
            page = f"<!doctype html><html><head><title>{html.escape(title)}</title></head></html>"
            return text(200, page, kind="text/html")
        case bad.RedirectTo(url=url, code=code):
            return redirect(code, url)
        case bad.RedirectLoop():
            return redirect(302, asked.target)
        case bad.Empty():
            return Reply(200, (("Content-Type", "application/octet-stream"),))
        case bad.NoHead(code=code):
            return text(code, "no HEAD here\n")
        case bad.WantsAuthorization() | bad.RejectsAuthorization():
            return text(401, "bad credentials\n", ("WWW-Authenticate", 'Basic realm="upstream"'))
        case _:
            assert_never(fault)


def answer(content: Content, asked: Asked, faults: FaultSet) -> Reply:
    """What a host says when it is asked for this file."""
    content = _as_held(content, faults)
    etag, modified = _validators(content, faults)
    described = [*content.headers, ("Content-Type", content.content_type)]
    described += [("ETag", etag)] if etag else []
    described += [("Last-Modified", modified)] if modified else []
    if _is_known(asked, etag, modified):
        return Reply(304, tuple(described))
    if faults.biting(bad.NoRanges) is not None:
        span = None
    else:
        described.append(("Accept-Ranges", "bytes"))
        span = _span(asked, content.size, etag, modified)
    if span is None:
        whole = content.pieces(0, content.size)
        return _framed(Reply(200, tuple(described), whole, content.size), faults)
    if span.start >= content.size:
        return text(416, "no such range\n", ("Content-Range", f"bytes */{content.size}"))
    return _framed(_partial(content, span, described, faults), faults)


def _as_held(content: Content, faults: FaultSet) -> Content:
    if faults.biting(bad.EtagChanges) is not None:
        content = content.replaced()
    if faults.biting(bad.WrongBytes) is not None:
        content = content.inverted()
    if (flip := faults.biting(bad.FlippedByte)) is not None:
        content = content.flipped(flip.offset)
    if faults.biting(bad.UnaskedGzip) is not None:
        content = content.gzipped()
    return content


def _validators(content: Content, faults: FaultSet) -> tuple[str | None, str | None]:
    etag: str | None = content.etag
    if faults.biting(bad.WeakEtag) is not None:
        etag = f"W/{content.etag}"
    if faults.biting(bad.NoEtag) is not None:
        etag = None
    return etag, None if faults.biting(bad.NoLastModified) is not None else content.last_modified


def _is_known(asked: Asked, etag: str | None, modified: str | None) -> bool:
    known: str | None = asked.headers["If-None-Match"]
    if known is not None:
        bare = (etag or "").removeprefix("W/")
        return known == "*" or bare in [one.strip().removeprefix("W/") for one in known.split(",")]
    return modified is not None and asked.headers["If-Modified-Since"] == modified


def _span(asked: Asked, size: int, etag: str | None, modified: str | None) -> range | None:
    found = RANGE.fullmatch(asked.headers["Range"] or "")
    if found is None or asked.method not in {"GET", "HEAD"} or found[0] == "bytes=-":
        return None
    condition: str | None = asked.headers["If-Range"]
    if condition is not None and (condition.startswith("W/") or condition not in {etag, modified}):
        return None
    if not found[1]:
        return range(max(size - int(found[2]), 0), size) if int(found[2]) else range(size, size)
    start, stop = int(found[1]), min(int(found[2] or size) + 1, size)
    return None if found[2] and int(found[2]) < start else range(start, max(start, stop))


def _partial(
    content: Content, span: range, described: list[tuple[str, str]], faults: FaultSet
) -> Reply:
    said = sent = span
    if (wrong := faults.biting(bad.WrongRange)) is not None:
        said = sent = _shifted(span, wrong.shift, content.size)
    if (lie := faults.biting(bad.LyingRange)) is not None:
        sent = _shifted(span, lie.shift, content.size)
    where = ("Content-Range", f"bytes {said.start}-{said.stop - 1}/{content.size}")
    body = content.pieces(sent.start, sent.stop)
    return Reply(206, (*described, where), body, len(sent))


def _shifted(span: range, shift: int, size: int) -> range:
    """A range of the same length elsewhere in the file, if the file has room for one."""
    start = min(max(span.start + shift, 0), size - len(span))
    return range(start, start + len(span))


def _framed(reply: Reply, faults: FaultSet) -> Reply:
    if (lie := faults.biting(bad.LyingLength)) is not None:
        return replace(reply, length=reply.length + lie.extra)
    if (short := faults.biting(bad.ShortBody)) is not None:
        body = _first(reply.body, max(reply.length - short.missing, 0))
        return replace(reply, body=body, framing="close")
    if (unsaid := faults.biting(bad.NoLength)) is not None:
        return replace(reply, framing=unsaid.framing)
    return reply


def _first(pieces: Iterable[bytes], size: int) -> Iterable[bytes]:
    for piece in pieces:
        yield piece[:size]
        size -= min(len(piece), size)
        if not size:
            return
