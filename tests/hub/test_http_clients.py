"""What is fetched over HTTP comes from the mirror, as each library's own response or error."""

from __future__ import annotations

import asyncio
import http.server
import ssl
import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen  # bound early, as many a repo does

import httpx
import httpx2
import pytest
import requests
import urllib3

import hubmirror
from hubmirror.errors import OfflineMissError
from tests.hub.small_mirror import SmallRepo, blob_of, publish

URL = "https://weights.example/dir/net.pth?v=1"
TEXT = "https://weights.example/vocab.json"
GONE = "https://weights.example/gone.pth"
BODY = bytes(range(256)) * 5000
FOUND = {URL: BODY, TEXT: b'{"a": 1}'}


def through_urllib(url: str) -> bytes:
    with urlopen(url) as response:
        return bytes(response.read())


def through_opener(url: str) -> bytes:
    opener = urllib.request.build_opener()
    opener.addheaders = [("User-Agent", "me")]
    with opener.open(urllib.request.Request(url), timeout=3) as response:
        return bytes(response.read())


def through_context(url: str) -> bytes:
    with urlopen(url, context=ssl.create_default_context()) as response:
        return bytes(response.read())


def through_requests(url: str) -> bytes:
    response = requests.get(url, timeout=3)
    response.raise_for_status()
    return bytes(response.content)


def through_urllib3(url: str) -> bytes:
    return bytes(urllib3.PoolManager().request("GET", url).data)


def through_httpx(url: str) -> bytes:
    return httpx.get(url).raise_for_status().content


def through_httpx2(url: str) -> bytes:
    return httpx2.get(url).raise_for_status().content


def through_async(url: str) -> bytes:
    async def fetch() -> bytes:
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).raise_for_status().content

    return asyncio.run(fetch())


def through_async2(url: str) -> bytes:
    async def fetch() -> bytes:
        async with httpx2.AsyncClient() as client:
            return (await client.get(url)).raise_for_status().content

    return asyncio.run(fetch())


CLIENTS: dict[Callable[[str], bytes], type[Exception]] = {
    through_urllib: urllib.error.URLError,
    through_opener: urllib.error.URLError,
    through_context: urllib.error.URLError,
    through_requests: requests.exceptions.ConnectionError,
    through_urllib3: urllib3.exceptions.MaxRetryError,
    through_httpx: httpx.ConnectError,
    through_httpx2: httpx2.ConnectError,
    through_async: httpx.ConnectError,
    through_async2: httpx2.ConnectError,
}


@pytest.fixture
def inside(mirror: Path) -> Iterator[None]:
    publish(mirror, loose=FOUND)
    with hubmirror.offline(mirror):
        yield


@pytest.fixture
def server() -> Iterator[str]:
    """A server on this machine, which no mirror knows."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the library looks for
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"real")

        def log_request(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("fetch", CLIENTS)
def test_a_mirrored_url_is_answered(inside: None, fetch: Callable[[str], bytes]) -> None:
    assert fetch(URL) == BODY
    assert fetch(TEXT) == b'{"a": 1}'


@pytest.mark.parametrize("fetch", CLIENTS)
def test_a_miss_is_the_error_that_a_dead_network_gives(
    inside: None, fetch: Callable[[str], bytes]
) -> None:
    with pytest.raises(CLIENTS[fetch], match=r"gone\.pth: not mirrored") as caught:
        fetch(GONE)

    shown = "".join(traceback.format_exception(caught.value))
    assert f"add to the manifest:\n    checkpoints:\n      - url: {GONE}" in shown


@pytest.mark.parametrize("fetch", CLIENTS)
def test_a_miss_that_is_swallowed_is_named_in_the_end(
    mirror: Path, fetch: Callable[[str], bytes]
) -> None:
    hubconf = (
        "from tests.hub import test_http_clients as clients\n"
        "def net():\n"
        f"    try: clients.{fetch.__name__}({GONE!r})\n"
        "    except Exception: pass\n"
        "    raise ValueError('no weights')\n"
    )
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}})])

    with pytest.raises(ValueError, match="no weights") as caught:
        hubmirror.load("acme/nets", "net", mirror=mirror)

    assert f"{GONE}: not mirrored" in caught.value.__notes__[0]


@pytest.mark.parametrize("fetch", CLIENTS)
def test_this_machine_is_asked_itself(
    inside: None, server: str, fetch: Callable[[str], bytes]
) -> None:
    assert fetch(f"{server}/x") == b"real"


@pytest.mark.parametrize("fetch", CLIENTS)
def test_a_thread_outside_keeps_its_network(
    mirror: Path, server: str, fetch: Callable[[str], bytes]
) -> None:
    publish(mirror, loose={f"{server}/x": b"mirrored"})
    go, got = threading.Event(), []

    def outside() -> None:
        go.wait(30)
        got.append(fetch(f"{server}/x"))

    thread = threading.Thread(target=outside)
    thread.start()
    with hubmirror.offline(mirror):
        within = fetch(f"{server}/x")
        go.set()
        thread.join(30)

    assert (within, got) == (b"mirrored", [b"real"])


@pytest.mark.parametrize("fetch", CLIENTS)
def test_online_what_is_not_mirrored_comes_from_the_network(
    mirror: Path, server: str, fetch: Callable[[str], bytes]
) -> None:
    publish(mirror, loose={f"{server}/a": b"mirrored"})

    with hubmirror.offline(mirror, on_miss="online"):
        got = fetch(f"{server}/a"), fetch(f"{server}/b")

    assert got == (b"mirrored", b"real")


def test_a_response_of_urllib_says_what_a_real_one_does(inside: None) -> None:
    with urlopen(URL) as response:
        head = (response.status, response.getcode(), response.reason, response.geturl())
        assert head == (200, 200, "OK", URL)
        assert response.info()["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Length"] == str(len(BODY))
        assert response.read(3) == BODY[:3]
        buffer = bytearray(5)
        assert response.readinto(buffer) == 5
        assert buffer == BODY[3:8]
        assert response.read() == BODY[8:]
        assert response.read() == b""
        assert not response.seekable()


def test_a_type_is_known_by_its_name(inside: None) -> None:
    assert requests.get(TEXT, timeout=3).headers["content-type"] == "application/json"
    assert requests.get(TEXT, timeout=3).json() == {"a": 1}


def test_urlretrieve_writes_the_file(inside: None, tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []

    urllib.request.urlretrieve(URL, tmp_path / "f", lambda *told: seen.append(told))

    assert (tmp_path / "f").read_bytes() == BODY
    assert seen[-1][2] == len(BODY)


def test_files_and_data_urls_pass(inside: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    assert through_urllib((tmp_path / "file").as_uri()) == b"x"
    assert through_urllib("data:,y") == b"y"


def test_head_tells_the_length_and_sends_nothing(inside: None) -> None:
    request = urllib.request.Request(URL, method="HEAD")
    with urlopen(request) as plain:
        heads = [(plain.headers["Content-Length"], plain.read())]
    for response in (requests.head(URL, timeout=3), httpx.head(URL), httpx2.head(URL)):
        heads.append((response.headers["Content-Length"], response.content))  # noqa: PERF401

    assert heads == [(str(len(BODY)), b"")] * 4


@pytest.mark.parametrize(
    ("asked", "part", "said"),
    [
        ("bytes=0-9", BODY[:10], f"bytes 0-9/{len(BODY)}"),
        ("bytes=1000-", BODY[1000:], f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"),
        ("bytes=-7", BODY[-7:], f"bytes {len(BODY) - 7}-{len(BODY) - 1}/{len(BODY)}"),
        ("bytes=5-99999999", BODY[5:], f"bytes 5-{len(BODY) - 1}/{len(BODY)}"),
    ],
)
def test_a_range_is_a_206(inside: None, asked: str, part: bytes, said: str) -> None:
    headers = {"Range": asked}
    with urlopen(urllib.request.Request(URL, headers=headers)) as plain:
        found = [(plain.status, plain.read(), plain.headers["Content-Range"])]
    for answer in (requests.get(URL, headers=headers, timeout=3), httpx.get(URL, headers=headers)):
        found.append((answer.status_code, answer.content, answer.headers["Content-Range"]))  # noqa: PERF401

    assert found == [(206, part, said)] * 3


def test_a_range_behind_the_end_is_a_416(inside: None) -> None:
    headers = {"Range": f"bytes={len(BODY)}-"}

    with pytest.raises(urllib.error.HTTPError) as caught:
        urlopen(urllib.request.Request(URL, headers=headers))
    caught.value.close()

    assert caught.value.code == requests.get(URL, headers=headers, timeout=3).status_code == 416


def test_a_download_of_other_bytes_is_not_resumed(inside: None) -> None:
    headers = {"Range": "bytes=5-", "If-Range": '"of-another-day"'}

    response = requests.get(URL, headers=headers, timeout=3)

    assert (response.status_code, response.content) == (200, BODY)


def test_requests_streams(inside: None) -> None:
    with requests.get(URL, stream=True, timeout=3) as response:
        raw = response.raw.read(10)
        rest = b"".join(response.iter_content(1000))

    assert raw + rest == BODY


@pytest.mark.parametrize("send", [requests.post, requests.put, httpx.post, httpx2.put])
def test_nothing_is_sent(inside: None, send: Callable[..., object]) -> None:
    refusals = (requests.exceptions.ConnectionError, httpx.ConnectError, httpx2.ConnectError)

    with pytest.raises(refusals, match="nothing there takes what is sent"):
        send(URL, data={"a": "b"})


def test_a_secret_in_a_url_is_not_in_the_message(inside: None) -> None:
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        requests.get(f"{GONE}?token=s3cret", timeout=3)

    cause = caught.value.args[0].reason
    assert isinstance(cause, OfflineMissError)
    assert "s3cret" not in str(cause)


def test_what_was_replaced_is_as_before(mirror: Path) -> None:
    publish(mirror)
    held = [
        (urllib.request.OpenerDirector, "open"), (urllib3.HTTPConnectionPool, "urlopen"),
        (httpx.HTTPTransport, "handle_request"), (httpx2.HTTPTransport, "handle_request"),
        (httpx.AsyncHTTPTransport, "handle_async_request"),
    ]  # fmt: skip
    before = [getattr(owner, name) for owner, name in held]

    with hubmirror.offline(mirror):
        inside = [getattr(owner, name) for owner, name in held]

    assert [getattr(owner, name) for owner, name in held] == before
    assert not set(inside) & set(before)


def test_a_blob_of_other_bytes_is_not_handed_out(mirror: Path) -> None:
    publish(mirror, loose=FOUND)
    blob = blob_of(mirror, BODY)
    blob.chmod(0o644)
    blob.write_bytes(BODY[::-1])

    with hubmirror.offline(mirror), pytest.raises(hubmirror.errors.VerificationError):
        through_requests(URL)
