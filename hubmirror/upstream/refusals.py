"""What an HTTP answer may not be, said in words that its reader can act on.

Pure judgements over a response: which end the fetch, and which may pass at the next attempt.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import responses
from urllib.parse import urljoin, urlsplit

from hubmirror.errors import UpstreamError

REDIRECTS = (301, 302, 303, 307, 308)

_TRY_AGAIN = (408, 425, 500, 502, 503, 504)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


class PassingError(Exception):
    """A failure that may be gone at the next attempt.

    Attributes:
        cause: What to say when it is not.
        wait_s: How long the server asked us to wait.
        slowness: How much longer than for a broken connection to wait, when it did not say.
    """

    def __init__(self, cause: UpstreamError, wait_s: float = 0, *, slowness: float = 1) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wait_s = wait_s
        self.slowness = slowness


class StatusError(UpstreamError):
    """A status that no further attempt would better."""

    def __init__(self, message: str, status: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class RateLimitedError(PassingError):
    """The host limits how often it may be asked."""


class NoSuchRangeError(PassingError):
    """The host has no such part: the length that it told was wrong, or the file is another."""


def refuse_page(first: bytes, shown: str) -> None:
    """Refuse a web page where weights were expected; ``first`` is the body's first piece.

    Raises:
        UpstreamError: quoting the page's title.
    """
    start = first[:512].lstrip().lower()
    if not start.startswith((b"<!doctype html", b"<html")):
        return
    found = _TITLE.search(first)
    title = html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""
    called = f" titled {title!r}" if title else ""
    raise UpstreamError(
        f"{shown}: expected weights, got a web page{called}",
        hint="open the URL in a browser: it may ask for a login or a licence, or name another "
        "address; a signed or gated address belongs in `fetch_url:`",
    )


def refuse_empty(size_bytes: int, shown: str) -> None:
    """Refuse a file without a byte.

    Raises:
        UpstreamError: saying so.
    """
    if size_bytes == 0:
        raise UpstreamError(f"{shown}: the file is empty (0 bytes)")


def refuse_too_much(size_bytes: int, most_bytes: int | None, shown: str) -> None:
    """Refuse a file that is larger than the manifest allows.

    Raises:
        UpstreamError: with both figures.
    """
    if most_bytes is not None and size_bytes > most_bytes:
        raise UpstreamError(
            f"{shown}: {size_bytes} bytes or more, the limit is {most_bytes}",
            hint="raise `max_size` under `settings:` in the manifest if this is meant",
        )


def refuse_bad_status(status: int, headers: Mapping[str, str], shown: str) -> None:
    """Let only 200 and 206 through.

    Raises:
        PassingError: for 429, 5xx and rate limits.
        UpstreamError: for every other status, with what to do about it.
    """
    if status in (200, 206):
        return
    said = f"{shown}: HTTP {status} {responses.get(status, '')}".rstrip()
    limited = status == 429 or (
        status == 403 and ("Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0")
    )
    if limited:
        error = UpstreamError(f"{said}: its host limits how often it may be asked")
        raise RateLimitedError(error, _asked_wait_s(headers), slowness=4)
    if status in _TRY_AGAIN:
        raise PassingError(UpstreamError(said), _asked_wait_s(headers), slowness=2)
    if status == 416:
        raise NoSuchRangeError(UpstreamError(said))
    hint = ""
    if status in (401, 403):
        hint = "give a login for this host in netrc, a token, or a `fetch_url:`"
    elif status in (404, 410):
        hint = "the file is gone or was renamed: mend the URL, or add other addresses as `urls:`"
    raise StatusError(said, status, hint=hint)


def _asked_wait_s(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    reset = headers.get("X-RateLimit-Reset", "").strip()  # GitHub: seconds since the epoch
    if not text and reset.isdecimal() and headers.get("X-RateLimit-Remaining") == "0":
        return max(0.0, int(reset) - time.time())
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0


def follow(asked: str, location: str, shown: str) -> str:
    """Return the address that a redirect leads to.

    Raises:
        UpstreamError: when it is no web address, or leaves https for plain http.
    """
    try:
        target = urljoin(asked, location)
        refuse_bad_address(target, shown)
    except (ValueError, UpstreamError):
        raise UpstreamError(f"{shown}: redirected to what is no web address") from None
    before, after = urlsplit(asked).scheme, urlsplit(target).scheme
    if before == "https" and after == "http":
        raise UpstreamError(
            f"{shown}: redirected from https to plain http at {urlsplit(target).hostname}",
            hint="if that host is right, write its address into the manifest with its sha256",
        )
    return target


def refuse_bad_address(url: str, shown: str) -> None:
    """Refuse what cannot be asked for; its text may be a secret, and is not repeated.

    Raises:
        UpstreamError: when it is no ``http`` or ``https`` URL with a host.
    """
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_one = is_one and (parts.port is None or parts.port > 0)
        parts.netloc.encode("idna")
    except ValueError:
        is_one = False
    if not is_one:
        raise UpstreamError(
            f"{shown}: its address is no web address",
            hint="expected https://host/path; see the variable that its fetch_url names",
        )


def refuse_bad_length(headers: Mapping[str, str], shown: str) -> None:
    """Refuse an answer whose length is no number: nobody could tell where it ends.

    Raises:
        UpstreamError: saying so.
    """
    if not headers.get("Content-Length", "0").isdecimal():
        raise UpstreamError(f"{shown}: its host says a Content-Length that is no number")


def refuse_bad_packing(headers: Mapping[str, str], shown: str) -> None:
    """Refuse a body that is compressed in a way that nobody here can undo.

    Raises:
        UpstreamError: naming the way.
    """
    packing = headers.get("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UpstreamError(f"{shown}: its host packs it as {packing!r}, which nobody asked for")


def certificate_error(shown: str, host: str, error: BaseException) -> UpstreamError:
    """Say that a host cannot be trusted, and where a site's own authority is named."""
    return UpstreamError(
        f"{shown}: {host} showed a certificate that is not trusted: {reason(error)}",
        hint="if your site inspects TLS, name its CA file in `ca_bundle` or SSL_CERT_FILE",
        unreachable=True,
    )


def reason(error: BaseException) -> str:
    """Return the innermost cause of a client's error, in its own words."""
    cause = error
    while isinstance(nested := cause.__cause__ or getattr(cause, "reason", None), BaseException):
        cause = nested
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return re.sub(r"^<[^>]*>: ", "", text)
