"""Git LFS as its servers speak it: which server a repo has, what to ask, what the answer says.

Pure. Owns: the batch API, with its basic transfer only. Invariants: no commit can send us to
plain http, to files of this machine, or to a transport that its repo is not fetched by; where
an answer sends us is neither printed nor stored, for it may be signed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from hubmirror import urls
from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.records import Digest
from hubmirror.upstream.addresses import Address
from hubmirror.upstream.credentials import Pass
from hubmirror.upstream.pointers import Pointer
from hubmirror.upstream.refusals import refuse_bad_address

MOST_AT_ONCE = 100
"""How many objects one question may name; servers refuse more."""

HEADERS = {
    "Accept": "application/vnd.git-lfs+json",
    "Content-Type": "application/vnd.git-lfs+json",
}

_NAMED = ("lfs.url", "remote.origin.lfsurl")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")
_OURS = frozenset(  # what says how a request is to be read
    {
        *("host", "connection", "content-length", "transfer-encoding"),
        *("accept-encoding", "range", "if-range"),
    }
)
_MOST_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Download:
    """Where an object is.

    Attributes:
        url: The address; it may be a secret.
        login: What to tell its host in place of a login; None to log in as at the server.
    """

    url: str = field(repr=False)
    login: Pass | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an object cannot be had, in the server's words."""

    reason: str
    is_missing: bool


def find_server(url: str, settings: Mapping[str, str]) -> str:
    """Return the address of a repo's LFS server; a ``file:`` URL names a repo on this machine.

    Args:
        url: The repo's git address.
        settings: What its ``.lfsconfig`` says.

    Raises:
        UpstreamError: when there is none that may be asked.
    """
    repo = Address.parse(url)
    named = next((settings[key] for key in _NAMED if settings.get(key)), "")
    if named:
        return _named_server(repo, named)
    if repo.protocol == "ssh":
        raise UpstreamError(
            f"{repo.shown}: Git LFS objects are not fetched over ssh",
            hint="give the repo an https `url:`, or write `lfs: pointer` to mirror the pointers",
        )
    if repo.protocol == "file":
        return repo.url
    return f"{repo.url.rstrip('/').removesuffix('.git')}.git/info/lfs"


def _named_server(repo: Address, named: str) -> str:
    """Follow .lfsconfig over https, or by the transport of the repo to its own host."""
    try:
        parts = urlsplit(named)
        place = parts.scheme, parts.hostname or ""
    except ValueError:
        place = "", ""
    if place[0] == "https" or (place == (repo.protocol, repo.host) and place[0] != "ssh"):
        return named.rstrip("/")
    raise UpstreamError(
        f"{repo.shown}: its .lfsconfig sends us to {urls.redact(named)}, which may not be asked",
        hint="only https may, or the repo's own transport and host; "
        "write `lfs: pointer` to mirror the pointers",
    )


def local_paths(server: str, digest: Digest) -> tuple[str, str]:
    """Return the URLs that an object of a repo on this machine may have."""
    root = unquote(urlsplit(server).path).rstrip("/")
    name = f"lfs/objects/{digest.hex[:2]}/{digest.hex[2:4]}/{digest.hex}"
    return f"file://{quote(f'{root}/{name}')}", f"file://{quote(f'{root}/.git/{name}')}"


def question(pointers: Iterable[Pointer]) -> bytes:
    """Ask where objects can be downloaded."""
    objects = [{"oid": one.digest.hex, "size": one.size_bytes} for one in pointers]
    asked = {"operation": "download", "transfers": ["basic"], "objects": objects}
    return json.dumps(asked | {"hash_algo": "sha256"}).encode()


def read_answer(server: str, body: bytes) -> Mapping[Digest, Download | Refusal]:
    """Read what a server says of the objects that it was asked for.

    Raises:
        InvalidInputError: when that is no such answer, saying in which way.
    """
    try:
        answer = json.loads(body)
        transfer, hashed = answer.get("transfer", "basic"), answer.get("hash_algo", "sha256")
        objects = {Digest.parse(one["oid"]): one for one in answer["objects"]}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise InvalidInputError("what answers is no Git LFS server") from None
    if (transfer, hashed) != ("basic", "sha256"):
        raise InvalidInputError(
            f"it offers {_quoted(transfer)} transfers by {_quoted(hashed)}, "
            "expected basic ones by sha256"
        )
    return {digest: _read_object(server, one) for digest, one in objects.items()}


def _read_object(server: str, said: Mapping[str, Any]) -> Download | Refusal:  # whatever JSON has
    if error := said.get("error"):
        told = error if isinstance(error, dict) else {"message": error}
        code = told.get("code", "no code")
        is_missing = code in (404, 410)
        shown = code if isinstance(code, int) else _quoted(code)
        return Refusal(f"{shown} {_quoted(told.get('message', ''))}", is_missing=is_missing)
    try:
        action = said["actions"]["download"]
        href, lines = action["href"], action.get("header") or {}
        is_told = all(_is_line(name, value) for name, value in lines.items())
        refuse_bad_address(href, "")
    except (ValueError, LookupError, TypeError, AttributeError, UpstreamError):
        return Refusal("the server names no web address for it", is_missing=False)
    if not is_told:
        return Refusal("the server wants header lines sent that cannot be", is_missing=False)
    here, there = urlsplit(server), urlsplit(href)
    if (here.scheme, there.scheme) == ("https", "http"):
        return Refusal("the server sends us from https to plain http", is_missing=False)
    sent = {name: value for name, value in lines.items() if name.lower() not in _OURS}
    is_own = here[:2] == there[:2] and not said.get("authenticated")
    return Download(href, None if is_own and not sent else Pass(href, sent))


def _is_line(name: object, value: object) -> bool:
    """Tell whether a header line can be sent without being more than one."""
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value))
    )


def _quoted(words: object) -> str:
    return repr(str(words)[:_MOST_QUOTED])
