"""What a bad host or a bad network does, as values.

Owns: the names of the misbehaviours and their parameters. Knows nothing of sockets or counting.
Invariant: every fault is a thing that real servers, proxies and cables do on the wire. Faults
compose: give several for one path. Of faults that answer in place of the file the first one that
still bites wins; all others act together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A misbehaviour: lets its first ``after`` chances pass, then bites ``times`` times.

    A chance is a request that the fault could show itself on; `times=None` never stops. A fault
    in the body has no chance on HEAD, nor on a body that ends before it.
    """

    times: int | None = None
    after: int = 0


# --- Answers in place of the file -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """An error status with its headers, and a short text as body."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def rate_limited(*, reset_at_s: int, times: int | None = None) -> "Status":
        """GitHub's 403 when the hourly quota is used up; `reset_at_s` counts from the epoch."""
        quota = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0"}
        return Status(403, {**quota, "X-RateLimit-Reset": str(reset_at_s)}, times=times)

    @staticmethod
    def retry_after(code: int, wait: int | datetime, *, times: int | None = None) -> "Status":
        """A 429 or 503 that says when to come back: in seconds, or at an (aware) date."""
        when = str(wait) if isinstance(wait, int) else http_date(wait)
        return Status(code, {"Retry-After": when}, times=times)


@dataclass(frozen=True, slots=True)
class HtmlPage(Fault):
    """200 and a web page: a captive portal, a log-in form, a "file moved" notice."""

    title: str = "Please log in"


@dataclass(frozen=True, slots=True)
class RedirectTo(Fault):
    """A redirect to another URL."""

    url: str
    code: int = 302


@dataclass(frozen=True, slots=True)
class RedirectLoop(Fault):
    """A redirect to itself, for ever."""


@dataclass(frozen=True, slots=True)
class Empty(Fault):
    """200 and no bytes, honestly declared."""


@dataclass(frozen=True, slots=True)
class NoHead(Fault):
    """HEAD is refused, GET works: signed object-store URLs do this."""

    code: int = 403


@dataclass(frozen=True, slots=True)
class WantsAuthorization(Fault):
    """401 unless the request's Authorization header is exactly this value."""

    value: str


@dataclass(frozen=True, slots=True)
class RejectsAuthorization(Fault):
    """401 for any request that carries credentials; others pass. GitHub with a dead token."""


@dataclass(frozen=True, slots=True)
class HangUp(Fault):
    """The connection closes without a byte of answer."""


# --- The file is another, or its description lies -------------------------------------------


@dataclass(frozen=True, slots=True)
class WrongBytes(Fault):
    """As many bytes, all of them wrong; ETag and everything else as ever."""


@dataclass(frozen=True, slots=True)
class FlippedByte(Fault):
    """One byte at this offset of the file has a flipped bit."""

    offset: int


@dataclass(frozen=True, slots=True)
class EtagChanges(Fault):
    """The file is replaced upstream by other bytes with another ETag and date.

    ``EtagChanges(after=1)`` serves one request, then the new file. Together with
    ``Drop(n, times=1)`` it changes between a broken download and its resumption.
    """


@dataclass(frozen=True, slots=True)
class UnaskedGzip(Fault):
    """Content-Encoding: gzip, whatever the client accepts."""


@dataclass(frozen=True, slots=True)
class NoEtag(Fault):
    """No ETag."""


@dataclass(frozen=True, slots=True)
class WeakEtag(Fault):
    """The ETag is a weak one, good for no If-Range."""


@dataclass(frozen=True, slots=True)
class NoLastModified(Fault):
    """No Last-Modified."""


@dataclass(frozen=True, slots=True)
class NoRanges(Fault):
    """Ranges are ignored: always 200 and the whole file."""


@dataclass(frozen=True, slots=True)
class WrongRange(Fault):
    """206, but from another offset than was asked, as its Content-Range says."""

    shift: int = 1


@dataclass(frozen=True, slots=True)
class LyingRange(Fault):
    """206 with the Content-Range that was asked for, around bytes of another offset."""

    shift: int = 1


@dataclass(frozen=True, slots=True)
class LyingLength(Fault):
    """Content-Length is larger than the body, after which the connection closes."""

    extra: int = 1


@dataclass(frozen=True, slots=True)
class ShortBody(Fault):
    """No Content-Length, and the last ``missing`` bytes never come: nobody can tell."""

    missing: int = 1


@dataclass(frozen=True, slots=True)
class NoLength(Fault):
    """No Content-Length: the body is chunked, or ends where the connection does."""

    framing: Literal["chunked", "close"] = "chunked"


# --- On the wire ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drop(Fault):
    """The connection closes after so many body bytes."""

    after_bytes: int


@dataclass(frozen=True, slots=True)
class Reset(Fault):
    """The connection is reset (RST) after so many body bytes."""

    after_bytes: int


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Nothing for so many seconds after so many body bytes; then it goes on."""

    after_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Silence(Fault):
    """Nothing for so many seconds before the first byte of the answer."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Slow(Fault):
    """The body comes at so many bytes per second."""

    bytes_per_second: int


AnswerFault: TypeAlias = (
    Status
    | HtmlPage
    | RedirectTo
    | RedirectLoop
    | Empty
    | NoHead
    | WantsAuthorization
    | RejectsAuthorization
)
"""Stands in place of the file or repository."""

FileFault: TypeAlias = (
    WrongBytes
    | FlippedByte
    | EtagChanges
    | UnaskedGzip
    | NoEtag
    | WeakEtag
    | NoLastModified
    | NoRanges
    | WrongRange
    | LyingRange
    | LyingLength
    | ShortBody
    | NoLength
)
"""Acts on files only: what git serves has no ETag, range or length."""

WireFault: TypeAlias = HangUp | Silence | Drop | Reset | Stall | Slow
"""Acts on whatever is sent."""


def http_date(moment: datetime) -> str:
    """An aware moment as HTTP writes it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
