"""Without faults an upstream is a correct HTTP/1.1 server, and knows what it was asked."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests.upstream import Upstream
from tests.upstream.client import DATA
from tests.upstream.faults import Drop, Stall, Status


@pytest.fixture
def connection(up: Upstream) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", up.port, timeout=5)
    yield opened
    opened.close()


def ask(
    connection: http.client.HTTPConnection, target: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, headers=named)
    answer = connection.getresponse()
    return answer, answer.read()


def test_a_file_comes_with_its_description(connection: http.client.HTTPConnection) -> None:
    answer, body = ask(connection, "/a")

    assert (answer.status, body) == (200, DATA)
    assert answer.headers["Content-Length"] == "1024"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert answer.headers["Last-Modified"].endswith("GMT")


def test_a_file_on_disk_is_served_like_bytes(up: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(DATA)

    url = up.put("/b", file, content_type="text/x", headers={"X-Linked-Etag": "1"})

    with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": "bytes=9-"})) as got:
        assert got.read() == DATA[9:]
        assert (got.headers["Content-Type"], got.headers["X-Linked-Etag"]) == ("text/x", "1")


def test_head_describes_without_a_body(connection: http.client.HTTPConnection) -> None:
    whole, _ = ask(connection, "/a")
    head, body = ask(connection, "/a", "HEAD")

    assert body == b""
    for name in ("Content-Length", "ETag", "Last-Modified"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "status", "said", "body"),
    [
        ("bytes=0-9", 206, "bytes 0-9/1024", DATA[:10]),
        ("bytes=1000-", 206, "bytes 1000-1023/1024", DATA[1000:]),
        ("bytes=1000-9999", 206, "bytes 1000-1023/1024", DATA[1000:]),
        ("bytes=-24", 206, "bytes 1000-1023/1024", DATA[1000:]),
        ("bytes=1024-", 416, "bytes */1024", b"no such range\n"),
        ("bytes=-0", 416, "bytes */1024", b"no such range\n"),
        ("bytes=9-1", 200, None, DATA),
        ("bytes=0-1,5-6", 200, None, DATA),
        ("pages=1-2", 200, None, DATA),
    ],
)
def test_ranges(
    connection: http.client.HTTPConnection, asked: str, status: int, said: str | None, body: bytes
) -> None:
    answer, got = ask(connection, "/a", Range=asked)

    assert (answer.status, answer.headers["Content-Range"], got) == (status, said, body)


def test_a_range_holds_only_for_the_version_it_was_asked_of(
    up: Upstream, connection: http.client.HTTPConnection
) -> None:
    before, _ = ask(connection, "/a", "HEAD")
    etag, date = before.headers["ETag"], before.headers["Last-Modified"]

    assert ask(connection, "/a", Range="bytes=9-", If_Range=etag)[0].status == 206
    assert ask(connection, "/a", Range="bytes=9-", If_Range=date)[0].status == 206
    up.put("/a", DATA[::-1])
    assert ask(connection, "/a", Range="bytes=9-", If_Range=etag)[1] == DATA[::-1]
    assert ask(connection, "/a", Range="bytes=9-", If_Range=date)[1] == DATA[::-1]


def test_a_known_version_is_not_sent_again(connection: http.client.HTTPConnection) -> None:
    known, _ = ask(connection, "/a")

    by_etag, body = ask(connection, "/a", If_None_Match=f'"other", {known.headers["ETag"]}')
    by_date, _ = ask(connection, "/a", If_Modified_Since=known.headers["Last-Modified"])

    assert (by_etag.status, body, by_date.status) == (304, b"", 304)


def test_a_query_is_a_part_of_the_address(
    up: Upstream, connection: http.client.HTTPConnection
) -> None:
    up.put("/uc?id=1", b"one")
    up.put("/uc?id=2", b"two")

    assert ask(connection, "/uc?id=1")[1] == b"one"
    assert ask(connection, "/uc?id=2")[1] == b"two"
    assert ask(connection, "/uc")[0].status == 404
    assert ask(connection, "/a?signature=abc")[1] == DATA


def test_redirects_are_followed(up: Upstream) -> None:
    up.redirect("/old", "/older", 301)
    up.redirect("/older", up.url("/a"), 307)

    with urllib.request.urlopen(up.url("/old")) as answer:
        assert answer.read() == DATA
    assert [r.status for r in up.requests] == [301, 307, 200]


def test_a_removed_file_is_not_found(up: Upstream, connection: http.client.HTTPConnection) -> None:
    up.remove("/a")

    assert ask(connection, "/a")[0].status == 404


def test_it_answers_as_a_proxy_from_its_own_files(up: Upstream) -> None:
    proxy = urllib.request.ProxyHandler({"http": up.base_url})

    with urllib.request.build_opener(proxy).open("http://weights.invalid/a?x=1") as answer:
        assert answer.read() == DATA

    (request,) = up.requests
    assert (request.host, request.path, request.query) == ("weights.invalid", "/a", "x=1")


def test_a_kept_connection_is_fast(connection: http.client.HTTPConnection) -> None:
    start = monotonic()

    for _ in range(50):
        ask(connection, "/a")

    assert monotonic() - start < 1.0  # Nagle's algorithm would take 2.2 s


def test_the_log_says_what_was_asked_and_sent(
    up: Upstream, connection: http.client.HTTPConnection
) -> None:
    ask(connection, "/a?x=1", Range="bytes=0-9", Authorization="token s3cret")
    ask(connection, "/a", "HEAD")
    ask(connection, "/nothing")

    first, second, third = up.requests
    assert (first.method, first.path, first.query) == ("GET", "/a", "x=1")
    assert (first.range, first.is_authorized) == ("bytes=0-9", True)
    assert (first.status, first.sent_bytes) == (206, 10)
    assert (second.method, second.sent_bytes, second.is_authorized) == ("HEAD", 0, False)
    assert third.status == 404
    assert up.paths() == ["/a", "/a", "/nothing"]
    assert up.fetched_files() == ["/a"]
    assert "s3cret" not in repr(up.requests)
    up.clear_log()
    assert up.requests == []


def test_the_log_counts_the_bytes_that_went_out(
    up: Upstream, connection: http.client.HTTPConnection
) -> None:
    up.fault("/a", Drop(100))

    with pytest.raises(http.client.IncompleteRead):
        ask(connection, "/a")

    assert up.requests[0].sent_bytes == 100


def test_an_answer_that_stalls_is_listed_as_far_as_it_has_come(
    up: Upstream, connection: http.client.HTTPConnection
) -> None:
    up.fault("/a", Stall(100, 60))
    connection.request("GET", "/a")
    connection.getresponse()

    assert up.requests[0].sent_bytes == 100


def test_a_fault_bites_as_often_as_it_says(
    up: Upstream, connection: http.client.HTTPConnection
) -> None:
    up.fault("/a", Status(503, after=1, times=2))

    assert [ask(connection, "/a")[0].status for _ in range(5)] == [200, 503, 503, 200, 200]


def test_a_healed_path_is_whole(up: Upstream, connection: http.client.HTTPConnection) -> None:
    up.fault("/a", Status(503))
    up.fault("/a")

    assert ask(connection, "/a")[1] == DATA


def test_a_file_cannot_hide_a_repository(up: Upstream) -> None:
    with pytest.raises(ValueError, match="/git/"):
        up.put("/git/acme/nets", b"")
