"""The HTTP engine against a real server with real faults.

Where each fault has its test: ``ranges``, ``resuming`` and ``hosts`` are the modules
``test_http_*.py`` beside this one, ``sync/`` is the folder.

- here: drop, reset, a lying length, HTML with 200, hang-up, an empty body, 429 and 503 with
  Retry-After (seconds, date), a 403 rate limit, no length against a limit, redirects and their
  loop, unasked gzip and damaged gzip, netrc, a host that is down
- ``ranges``, ``resuming``: no ranges, a 206 from the wrong offset, no or a weak ETag, no length,
  an ETag that changes in mid-file, drop and reset of parts, a torn journal, a full disk
- ``hosts``: stall, slow, silence, a redirect to another port, an address that expires, GitHub's
  reset header, waits that are too long, a spent budget, a broken TLS handshake, private CAs
  (hosts and proxies), tokens that are dead, leave their host, or go through a tunnel
- ``sync/test_wrong_bytes.py``: wrong bytes, a flipped byte, a short body, a 206 that lies
- ``sync/test_killed_downloads.py``: kill -9
- ``sync/test_disk.py``: HEAD refused, no room
"""

from __future__ import annotations

import gzip
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.records import Digest
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.http import Fetched, HttpUpstream, Terms
from hubmirror.upstream.pace import Pace
from hubmirror.upstream.proxies import proxy_for
from tests.upstream import Upstream, faults

BODY = bytes(range(256)) * 4096  # 1 MiB


def fetch(url: str, *, most_bytes: int | None = None) -> tuple[Fetched, bytes]:
    with tempfile.TemporaryDirectory() as folder, HttpUpstream(first_wait_s=0.01) as http:
        path = Path(folder) / "partial"
        fetched = http.fetch(url, path, Terms(url, most_bytes))
        return fetched, path.read_bytes()


def refusal(url: str, *, most_bytes: int | None = None) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        fetch(url, most_bytes=most_bytes)
    return caught.value


def test_what_is_fetched_is_hashed(upstream: Upstream) -> None:
    url = upstream.put("/weights.pth", BODY)

    fetched, content = fetch(url)

    assert content == BODY
    assert (fetched.digest, fetched.size_bytes) == (Digest.of(BODY), len(BODY))
    assert fetched.etag
    assert fetched.redirect == ""


@pytest.mark.parametrize(
    "fault",
    [
        faults.Drop(1000, times=2),
        faults.Reset(1000, times=2),
        faults.LyingLength(77, times=2),
        faults.Status(503, times=2),
        faults.Status.retry_after(429, 0, times=2),
        faults.HangUp(times=2),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_what_passes_is_tried_again(upstream: Upstream, fault: faults.Fault) -> None:
    url = upstream.put("/weights.pth", BODY, fault=fault)

    fetched, content = fetch(url)

    assert content == BODY
    assert fetched.digest == Digest.of(BODY)
    # After a length that lied, the first resumption asks for what is not there.
    assert len(upstream.requests) == (4 if isinstance(fault, faults.LyingLength) else 3)


def test_a_truncated_body_is_an_error_and_says_so(upstream: Upstream) -> None:
    url = upstream.put("/weights.pth", BODY, fault=faults.LyingLength(77))

    error = refusal(url)

    assert error.message.startswith(f"{url}: the body broke off")
    assert error.message.endswith("(4 attempts)")


def test_a_web_page_is_refused_with_its_title(upstream: Upstream) -> None:
    url = upstream.put("/weights.pth", BODY, fault=faults.HtmlPage("Sign in & continue"))

    error = refusal(url)

    assert error.message == (f"{url}: expected weights, got a web page titled 'Sign in & continue'")
    assert "fetch_url" in error.hint


def test_a_missing_file_is_asked_for_once(upstream: Upstream) -> None:
    url = upstream.url("/gone.pth")

    error = refusal(url)

    assert error.message == f"{url}: HTTP 404 Not Found"
    assert not error.unreachable
    assert len(upstream.requests) == 1


def test_an_empty_file_is_refused(upstream: Upstream) -> None:
    url = upstream.put("/weights.pth", b"")

    assert refusal(url).message == f"{url}: the file is empty (0 bytes)"


def test_a_rate_limit_is_named_as_such(upstream: Upstream) -> None:
    url = upstream.put("/w.pth", BODY, fault=faults.Status(403, {"X-RateLimit-Remaining": "0"}))

    assert refusal(url).message == (
        f"{url}: HTTP 403 Forbidden: its host limits how often it may be asked (4 attempts)"
    )


def test_retry_after_is_honoured_as_a_date(upstream: Upstream) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    url = upstream.put("/w.pth", BODY, fault=faults.Status.retry_after(503, moment, times=1))

    fetched, _ = fetch(url)

    assert fetched.size_bytes == len(BODY)
    assert datetime.now(UTC) >= moment.replace(microsecond=0)


def test_a_host_that_does_not_answer_is_unreachable(upstream: Upstream) -> None:
    url = upstream.put("/weights.pth", BODY)
    upstream.stop()

    error = refusal(url)

    assert error.unreachable
    assert error.message == f"{url}: no answer from 127.0.0.1: Connection refused (4 attempts)"


def test_a_redirect_is_followed_and_its_place_recorded(upstream: Upstream) -> None:
    target = upstream.put("/signed/weights.pth", BODY)
    upstream.redirect("/weights.pth", f"{target}?sig=secret")

    fetched, content = fetch(upstream.url("/weights.pth"))

    assert content == BODY
    assert fetched.redirect == target


def test_a_redirect_loop_ends(upstream: Upstream) -> None:
    url = upstream.put("/weights.pth", BODY, fault=faults.RedirectLoop())

    assert refusal(url).message == f"{url}: more than 10 redirects"


def test_a_limit_is_kept_whatever_the_server_announces(upstream: Upstream) -> None:
    known = upstream.put("/known.pth", BODY)
    unknown = upstream.put("/unknown.pth", BODY, fault=faults.NoLength())

    for url in (known, unknown):
        assert f"{url}: " in refusal(url, most_bytes=1000).message
        assert "the limit is 1000" in refusal(url, most_bytes=1000).message


def test_gzip_that_nobody_asked_for_is_unpacked(upstream: Upstream) -> None:
    url = upstream.put("/weights.pth", BODY, fault=faults.UnaskedGzip())

    assert fetch(url)[1] == BODY


def test_a_file_url_is_read_from_disk(tmp_path: Path) -> None:
    (tmp_path / "a b.pth").write_bytes(BODY)

    assert fetch(f"file://{tmp_path}/a%20b.pth")[1] == BODY


def test_a_missing_file_url_is_named(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/none.pth"

    assert refusal(url).message == f"{url}: No such file or directory"


def test_netrc_logs_in_at_its_host(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.put("/gated.pth", BODY, fault=faults.WantsAuthorization("Basic bWU6c2VjcmV0"))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)

    credentials = Credentials.find({}, netrc_file=netrc, folder=None)
    with HttpUpstream(credentials=credentials) as http:
        http.fetch(url, tmp_path / "got", Terms(url))

    assert (tmp_path / "got").read_bytes() == BODY
    assert "netrc" in refusal(url).hint


def test_small_files_share_a_connection(upstream: Upstream, tmp_path: Path) -> None:
    urls = [upstream.put(f"/{number}.pth", b"x" * 100) for number in range(5)]

    with HttpUpstream() as http:
        for url in urls:
            http.fetch(url, tmp_path / url.rpartition("/")[2], Terms(url))
        waiting = [len(route._idle) for route in http._connections._routes.values()]

    assert waiting == [1]


def test_a_connection_that_its_host_closed_costs_no_attempt(
    upstream: Upstream, tmp_path: Path
) -> None:
    url = upstream.put("/weights.pth", BODY)

    with HttpUpstream(first_wait_s=1000) as http:
        http.fetch(url, tmp_path / "one", Terms(url))
        upstream.stop()
        upstream.start()
        http.fetch(url, tmp_path / "two", Terms(url))

    assert (tmp_path / "two").read_bytes() == BODY


def test_a_small_file_needs_no_journal(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.put("/weights.pth", BODY)

    with HttpUpstream() as http:
        http.fetch(url, tmp_path / "partial", Terms(url))

    assert [path.name for path in tmp_path.glob("partial*")] == ["partial"]


def test_no_connection_and_no_file_is_left_open(upstream: Upstream, tmp_path: Path) -> None:
    bad = (faults.Drop(1000), faults.Status(404), faults.HtmlPage(), faults.Empty())
    urls = [upstream.put(f"/{type(one).__name__}", BODY, fault=one) for one in bad]
    before = open_files()

    with HttpUpstream(first_wait_s=0.01) as http:
        for url in urls:
            with pytest.raises(UpstreamError):
                http.fetch(url, tmp_path / "got", Terms(url))
    upstream.stop()  # it lives in this process, and its ends of the connections with it

    assert open_files() <= before


def test_an_engine_that_nobody_closed_leaves_no_connection_open(
    upstream: Upstream, tmp_path: Path
) -> None:
    url = upstream.put("/weights.pth", BODY)
    before = open_files()

    HttpUpstream().fetch(url, tmp_path / "got", Terms(url))
    upstream.stop()

    assert open_files() <= before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("way", ["br", "zstd", "gzip, br"])
def test_a_body_that_nobody_can_unpack_is_refused(upstream: Upstream, way: str) -> None:
    url = upstream.put("/weights.pth", BODY, headers={"Content-Encoding": way})

    assert refusal(url).message == f"{url}: its host packs it as {way!r}, which nobody asked for"


def test_a_packed_body_that_is_damaged_or_cut_is_an_error(upstream: Upstream) -> None:
    packed = gzip.compress(BODY)
    headers = {"Content-Encoding": "gzip"}
    cut = upstream.put("/cut.pth", packed[:-20], headers=headers)
    damaged = upstream.put("/damaged.pth", packed[:50] + bytes(50) + packed[100:], headers=headers)

    for url in (cut, damaged):
        assert refusal(url).message.startswith(f"{url}: the body broke off: ")


def test_a_ca_bundle_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none\.pem: cannot be read as CA certificates"):
        HttpUpstream(ca_bundle=str(tmp_path / "none.pem"))


def test_the_default_context_checks_certificates() -> None:
    with HttpUpstream() as http:
        assert http._connections._means.tls.verify_mode is ssl.CERT_REQUIRED
        assert http._connections._means.tls.check_hostname


@pytest.mark.parametrize(
    ("url", "exceptions", "proxy"),
    [
        ("http://example.org/a", "", "http://proxy:3128"),
        ("http://example.org/a", "example.org", ""),
        ("http://deep.example.org/a", ".example.org", ""),
        ("http://10.1.2.3/a", "10.0.0.0/8", ""),
        ("http://11.1.2.3/a", "10.0.0.0/8", "http://proxy:3128"),
        ("https://example.org/a", "", ""),
        ("http://example.org/a", "*", ""),
    ],
)
def test_proxies_follow_the_variables_of_every_tool(url: str, exceptions: str, proxy: str) -> None:
    assert proxy_for(url, {"http": "proxy:3128", "no": exceptions}) == proxy


def test_the_pace_holds_over_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("hubmirror.upstream.pace.time.sleep", waited.append)
    pace = Pace(1000)

    pace.take(500)
    pace.take(500)

    assert waited[0] == pytest.approx(0.5, abs=0.05)
    assert waited[1] == pytest.approx(1.0, abs=0.05)
