"""What a URL is to hubmirror: an identity, a place, or a thing that may carry a secret.

Owns: canonical form, redaction. Opens nothing.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ssh": 22}
_PASSING_PARAMETERS = re.compile(
    r"download|x-(amz|goog|ms|oss)-.+|awsaccesskeyid|signature|expires|key-pair-id|policy|googleaccessid"
    r"|se|sig|sp|sr|sv|st|spr|token|access_token",
    re.IGNORECASE,
)
_NAME_HASH = re.compile(r"-([0-9a-f]{8,64})\.")


def canonical(url: str) -> str:
    """Return a URL without what does not change its bytes.

    Lower-case scheme and host, no default port, no fragment, no known signature or
    ``download`` parameter. Used as a fallback only, never as an identity.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme.lower()):
        host = f"{host}:{parts.port}"
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _PASSING_PARAMETERS.fullmatch(name)
    ]
    return urlunsplit((parts.scheme.lower(), host, parts.path, urlencode(kept), ""))


def place(url: str) -> str:
    """Return scheme, host and path: what may be recorded of an address that was redirected to."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port:
        host = f"{host}:{parts.port}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


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
    secret = equals and name.lower() != "download" and _PASSING_PARAMETERS.fullmatch(name)
    return f"{name}=***" if secret else item


def file_name(url: str) -> str:
    """Return the last part of a URL's path, as torch.hub would name the file; may be empty."""
    return posixpath.basename(unquote(urlsplit(url).path))


def name_hash(url: str) -> str:
    """Return the sha256 prefix that a file name carries (``-f37072fd.pth``), or nothing.

    Only eight digits or more count: shorter runs (``vit-b.pth``, ``resnet-50.pth``) are words
    and numbers, which torch.hub mistakes for hashes.
    """
    found = _NAME_HASH.search(file_name(url))
    return found[1] if found else ""
