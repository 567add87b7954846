"""Asks a git host on the web for its refs, over connections that are kept alive.

One request for each repo, and no process. Invariant: gives refs only where the answer leaves
no doubt; whatever else comes is for git itself to ask again and to judge, so that no host is
refused that git can speak to.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from hubmirror import urls
from hubmirror.errors import UpstreamError
from hubmirror.upstream import complaints
from hubmirror.upstream.addresses import Address
from hubmirror.upstream.advertisements import NotAnAdvertisementError, read_advertisement
from hubmirror.upstream.connections import Answer, Connections
from hubmirror.upstream.refs import RemoteRefs, parse_refs
from hubmirror.upstream.refusals import PassingError, RateLimitedError
from hubmirror.version import __version__

_QUESTION = "/info/refs?service=git-upload-pack"
_ANSWER = "application/x-git-upload-pack-advertisement"
_MOST_BYTES = 64 * 1024 * 1024
_MOST_S = 300.0  # a host may also never end while it never stalls
# Some hosts know a git client by the beginning of its name, and some caches need to be told.
_HEADERS = {"User-Agent": f"git/2.0 (hubmirror {__version__})", "Pragma": "no-cache"}


def ask_refs(
    connections: Connections, address: Address, *, most_s: float = _MOST_S
) -> RemoteRefs | None:
    """Return the refs of a repo; None when git had better ask for them, after ``most_s`` too.

    Raises:
        UpstreamError: when the host limits how often it may be asked: git would only ask more.
    """
    parts = urlsplit(address.url)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or parts.query:
        return None
    asked = address.url.rstrip("/") + _QUESTION
    try:
        # Without a word of protocol 2: it would be two requests, and two processes at the host.
        with connections.ask(asked, address.shown, _HEADERS) as answer:
            listing = read_advertisement(_read(answer, most_s))
            moved = answer.final.removesuffix(_QUESTION) if answer.final != asked else ""
            return parse_refs(listing, moved_to=urls.place(moved) if moved else "")
    except RateLimitedError as limit:
        raise complaints.limit_error(address, limit.wait_s) from limit
    except (PassingError, UpstreamError, NotAnAdvertisementError):
        return None


def _read(answer: Answer, most_s: float) -> bytes:
    if answer.headers.get("Content-Type", "") != _ANSWER:
        raise NotAnAdvertisementError
    body = bytearray()
    for piece in answer.pieces(most_s=most_s):
        body += piece
        if len(body) > _MOST_BYTES:
            raise NotAnAdvertisementError
    return bytes(body)
