"""What is an answer and what is none, byte by byte over a real socket."""

from __future__ import annotations

import http.client
import socket

import pytest

from hubmirror.upstream.replies import Reply

OK = b"HTTP/1.1 200 OK\r\n"


def reply_to(sent: bytes, method: str = "GET") -> Reply:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        reply = Reply(ours, method=method)
        try:
            reply.begin()
        except BaseException:
            reply.close()
            raise
        return reply


def test_names_of_header_lines_have_no_case() -> None:
    reply = reply_to(OK + b"eTaG: x\r\ncontent-LENGTH: 2\r\n\r\nab")

    assert (reply.fields.get("ETag", ""), reply.fields["etag"], reply.length) == ("x", "x", 2)
    assert "ETAG" in reply.fields
    assert reply.fields.get("Location", "none") == "none"
    assert reply.read() == b"ab"
    assert reply.is_read


def test_what_only_announces_an_answer_is_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"

    reply = reply_to(early + OK + b"Content-Length: 1\r\n\r\nz")

    assert (reply.status, reply.read()) == (200, b"z")


def test_a_body_in_chunks_is_put_together() -> None:
    reply = reply_to(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")

    assert reply.read() == b"abc"
    assert not reply.will_close


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n", False),
        (b"HTTP/1.1 200 OK\r\n", True),
    ],
)
def test_a_connection_is_used_again_only_where_its_host_says_so(head: bytes, closes: bool) -> None:
    assert reply_to(head + b"\r\n").will_close is closes


def test_an_answer_to_head_has_no_body() -> None:
    reply = reply_to(OK + b"Content-Length: 99\r\n\r\n", method="HEAD")

    assert reply.fields["Content-Length"] == "99"
    assert reply.is_read


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        b"no colon\r\n\r\n",
        b": no name\r\n\r\n",
        b"X: 1\r\n" * 500,
        b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        b"X: 1\r\n",
        b"X: 1",
    ],
    ids=range(8),
)
def test_a_head_with_two_meanings_or_no_end_is_refused(lines: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        reply_to(OK + lines)


def test_a_folded_line_belongs_to_the_one_before() -> None:
    assert reply_to(OK + b"X: a\r\n  b\r\n\r\n").fields["X"] == "a b"
