"""What a URL is to hubmirror: an identity, a place, or a thing that may carry a secret.

Owns: canonical form, redaction. Opens nothing.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ssh": 22}
# Parameters that sign an address, or only say how to hand out the same bytes. The short names
# of a family mean something else elsewhere (`sr=16000`), so they count beside its mark only.
_ALWAYS = re.compile(r"download|x-(amz|goog|ms|oss)-.+|access_token|token", re.IGNORECASE)
_FAMILIES = (
    (
        "sig",
        frozenset({"sig", "se", "sp", "sr", "sv", "st", "spr", "skoid", "sktid", "ske", "skt"}),
    ),
    ("signature", frozenset({"signature", "expires", "policy", "key-pair-id", "awsaccesskeyid"})),
)
SECRET_PARAMETER = re.compile(
    r"(^|[-_])(token|secret|password|passwd|pass|pwd|auth|authorization|credential|signature|sig"
    r"|key|hdnts|hdnea)($|[-_])|api[-_]?key|access[-_]?key|private[-_]?key|awsaccesskeyid"
    r"|googleaccessid",
    re.IGNORECASE,
)
"""Names of parameters whose values nobody may print or store."""

_NAME_HASH = re.compile(r"-([0-9a-f]{8,64})\.")


def canonical(url: str) -> str:
    """Return a URL without what does not change its bytes.

    Lower-case scheme and host, no default port, no fragment, no known signature or
    ``download`` parameter. Used as a fallback only, never as an identity. A text that is no
    URL is its own canonical form.
    """
    if not is_url(url):
        return url
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme.lower()):
        host = f"{host}:{parts.port}"
    return urlunsplit((parts.scheme.lower(), host, parts.path, _lasting(parts.query), ""))


def is_url(text: str) -> bool:
    """Tell whether a text can be taken apart as a URL at all."""
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return True


def _lasting(query: str) -> str:
    """Return a query without what may differ while the bytes are the same."""
    pairs = parse_qsl(query, keep_blank_values=True)
    present = {name.lower() for name, _ in pairs}
    passing = set[str]().union(*(names for mark, names in _FAMILIES if mark in present))
    return urlencode(
        [
            (name, value)
            for name, value in pairs
            if name.lower() not in passing and not _ALWAYS.fullmatch(name)
        ]
    )


def place(url: str) -> str:
    """Return scheme, host and path: what may be recorded of an address that was redirected to."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port:
        host = f"{host}:{parts.port}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def is_plain(url: str) -> bool:
    """Tell whether scheme, host and path alone say which bytes a URL names."""
    return is_url(url) and not _lasting(urlsplit(url).query)


def redact(url: str) -> str:
    """Return a URL that may be printed: no userinfo, no values of secret-like parameters."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL at all: nothing of it is known to be harmless
        return "***"
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(_redact_parameter(item) for item in parts.query.split("&") if item)
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))


def _redact_parameter(item: str) -> str:
    name, equals, _ = item.partition("=")
    return f"{name}=***" if equals and SECRET_PARAMETER.search(name) else item


def file_name(url: str) -> str:
    """Return the last part of a URL's path, as torch.hub would name the file; may be empty."""
    return posixpath.basename(unquote(urlsplit(url).path))


def name_contradicts(url: str, sha256: str) -> bool:
    """Tell whether a file name carries the prefix of another sha256.

    One of decimal digits alone is a date as often as a hash, and contradicts nothing.
    """
    named = name_hash(url)
    return not (sha256.startswith(named) or named.isdecimal())


def name_hash(url: str) -> str:
    """Return the sha256 prefix that a file name carries (``-f37072fd.pth``), or nothing.

    Only eight digits or more count: shorter runs (``vit-b.pth``, ``resnet-50.pth``) are words
    and numbers, which torch.hub mistakes for hashes.
    """
    found = _NAME_HASH.search(file_name(url))
    return found[1] if found else ""
