"""Every fault that tells something else than the truth, seen on the wire."""

import gzip
import http.client
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import get_args

import pytest

from tests.upstream import Upstream
from tests.upstream import faults as bad
from tests.upstream.client import DATA, SIZE, ask, hurt

# --- Answers in place of the file -----------------------------------------------------------


def test_not_found(up: Upstream) -> None:
    assert hurt(up, bad.Status(404)).status == 404


def test_rate_limited(up: Upstream) -> None:
    got = hurt(up, bad.Status.rate_limited(reset_at_s=1_700_000_000))

    assert got.status == 403
    assert got.headers["X-RateLimit-Remaining"] == "0"
    assert got.headers["X-RateLimit-Reset"] == "1700000000"


@pytest.mark.parametrize(
    ("wait", "said"),
    [(2, "2"), (datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), "Wed, 02 Jan 2030 03:04:05 GMT")],
)
def test_retry_after(up: Upstream, wait: int | datetime, said: str) -> None:
    got = hurt(up, bad.Status.retry_after(429, wait))

    assert (got.status, got.headers["Retry-After"]) == (429, said)


def test_html_page(up: Upstream) -> None:
    got = hurt(up, bad.HtmlPage("<Log in>"))

    assert got.status == 200
    assert got.headers["Content-Type"].startswith("text/html")
    assert b"<title>&lt;Log in&gt;</title>" in got.body


def test_redirect_to_another_url(up: Upstream) -> None:
    up.fault("/a", bad.RedirectTo(up.put("/b", b"moved here")))

    with urllib.request.urlopen(up.url("/a")) as answer:
        assert answer.read() == b"moved here"


def test_redirect_loop(up: Upstream) -> None:
    up.fault("/a", bad.RedirectLoop())

    with pytest.raises(urllib.error.HTTPError, match="infinite loop") as caught:
        urllib.request.urlopen(up.url("/a"))
    caught.value.close()


def test_empty(up: Upstream) -> None:
    got = hurt(up, bad.Empty())

    assert (got.status, got.body, got.headers["Content-Length"]) == (200, b"", "0")


def test_head_refused(up: Upstream) -> None:
    up.fault("/a", bad.NoHead())

    assert (ask(up, "HEAD").status, ask(up).body) == (403, DATA)


def test_authorization_wanted(up: Upstream) -> None:
    up.fault("/a", bad.WantsAuthorization("token good"))

    assert ask(up).status == 401
    assert ask(up, Authorization="token bad").status == 401
    assert ask(up, Authorization="token good").body == DATA


def test_authorization_rejected(up: Upstream) -> None:
    up.fault("/a", bad.RejectsAuthorization())

    assert (ask(up, Authorization="token old").status, ask(up).body) == (401, DATA)


def test_hang_up(up: Upstream) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        hurt(up, bad.HangUp())


# --- The file is another, or its description lies -------------------------------------------


def test_wrong_bytes(up: Upstream) -> None:
    good, got = ask(up), hurt(up, bad.WrongBytes())

    assert all(one != other for one, other in zip(DATA, got.body, strict=True))
    assert got.headers["ETag"] == good.headers["ETag"]


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=100-200", "bytes=150-150"])
def test_flipped_byte_is_flipped_in_every_range(up: Upstream, asked: str) -> None:
    start = int(asked.removeprefix("bytes=").split("-")[0])

    got = hurt(up, bad.FlippedByte(150), Range=asked)

    differing = [start + at for at, byte in enumerate(got.body) if byte != DATA[start + at]]
    assert differing == [150]


def test_etag_changes_with_the_content(up: Upstream) -> None:
    up.fault("/a", bad.EtagChanges(after=1))

    before, after = ask(up), ask(up)

    assert before.body != after.body
    assert len(before.body) == len(after.body)
    assert before.headers["ETag"] != after.headers["ETag"]
    assert before.headers["Last-Modified"] < after.headers["Last-Modified"]


def test_etag_changes_between_a_broken_download_and_its_resumption(up: Upstream) -> None:
    up.fault("/a", bad.Drop(100, times=1), bad.EtagChanges(after=1))
    broken = ask(up)

    resumed = ask(up, Range="bytes=100-", If_Range=broken.headers["ETag"])

    assert (broken.body, resumed.status, len(resumed.body)) == (DATA[:100], 200, SIZE)


def test_unasked_gzip(up: Upstream) -> None:
    got = hurt(up, bad.UnaskedGzip())

    assert got.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(got.body) == DATA
    assert got.headers["Content-Length"] == str(len(got.body))


@pytest.mark.parametrize(
    ("fault", "etag", "modified"),
    [(bad.NoEtag(), "", "F"), (bad.WeakEtag(), "W", "F"), (bad.NoLastModified(), '"', "")],
)
def test_validators(up: Upstream, fault: bad.Fault, etag: str, modified: str) -> None:
    headers = hurt(up, fault).headers

    assert (headers["ETag"] or "")[:1] == etag
    assert bool(headers["Last-Modified"]) == bool(modified)


def test_a_weak_etag_is_good_for_no_range(up: Upstream) -> None:
    weak = hurt(up, bad.WeakEtag()).headers["ETag"]

    assert ask(up, Range="bytes=9-", If_Range=weak).status == 200


def test_no_ranges(up: Upstream) -> None:
    got = hurt(up, bad.NoRanges(), Range="bytes=9-")

    assert (got.status, got.body, got.headers["Accept-Ranges"]) == (200, DATA, None)


def test_wrong_range_says_so(up: Upstream) -> None:
    got = hurt(up, bad.WrongRange(5), Range="bytes=10-19")

    assert (got.status, got.headers["Content-Range"]) == (206, f"bytes 15-24/{SIZE}")
    assert got.body == DATA[15:25]


def test_lying_range_does_not(up: Upstream) -> None:
    got = hurt(up, bad.LyingRange(5), Range="bytes=10-19")

    assert (got.status, got.headers["Content-Range"]) == (206, f"bytes 10-19/{SIZE}")
    assert got.body == DATA[15:25]


def test_lying_length(up: Upstream) -> None:
    got = hurt(up, bad.LyingLength(7))

    assert (got.headers["Content-Length"], got.body) == (str(SIZE + 7), DATA)
    assert got.error is http.client.IncompleteRead


def test_short_body_without_length(up: Upstream) -> None:
    got = hurt(up, bad.ShortBody(24))

    assert (got.headers["Content-Length"], got.body, got.error) == (None, DATA[:-24], None)


def test_no_length_chunked(up: Upstream) -> None:
    got = hurt(up, bad.NoLength())

    assert (got.headers["Transfer-Encoding"], got.headers["Content-Length"]) == ("chunked", None)
    assert (got.body, got.error) == (DATA, None)


def test_no_length_until_the_connection_closes(up: Upstream) -> None:
    got = hurt(up, bad.NoLength("close"))

    assert (got.headers["Connection"], got.headers["Content-Length"]) == ("close", None)
    assert (got.body, got.error) == (DATA, None)


def test_every_fault_belongs_to_a_kind() -> None:
    kinds = {*get_args(bad.AnswerFault), *get_args(bad.FileFault), *get_args(bad.WireFault)}

    named = {name for name, one in vars(bad).items() if bad.Fault in getattr(one, "__bases__", ())}
    assert {kind.__name__ for kind in kinds} == named
