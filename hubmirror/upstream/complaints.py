"""What git says on stderr, turned into an error that its reader can act on.

Pure. Invariant: no password, token or userinfo of the URL is in what comes out.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from hubmirror.errors import GoneError, HubmirrorError, StorageError, UpstreamError
from hubmirror.upstream.addresses import Address

_BROKE_OFF = "no answer from the host, or it broke off"
_LOGIN = "give a token or a login in netrc for this host, or an ssh URL whose key is in the agent"
_LIMITED = (
    "try again later, or give a token for this host (GITHUB_TOKEN, or a file in the tokens "
    "folder): who logs in may ask more often"
)


class UnexplainedError(UpstreamError):
    """Git failed for a reason that names neither the upstream nor the disk.

    The clone itself may be damaged, so a fetch tries once more with a new one.
    """


@dataclass(frozen=True, slots=True)
class _Cause:
    pattern: re.Pattern[str]
    meaning: str
    hint: str = ""
    unreachable: bool = False
    gone: bool = False


def _cause(
    pattern: str, meaning: str, hint: str = "", *, unreachable: bool = False, gone: bool = False
) -> _Cause:
    return _Cause(re.compile(pattern, re.IGNORECASE), meaning, hint, unreachable, gone)


# The first that matches any line wins, so what says more stands higher.
_CAUSES = (
    _cause(
        r"could not resolve (host|proxy)|name or service not known|temporary failure in name",
        "the host name is not known",
        "check the URL, the DNS and HTTPS_PROXY",
        unreachable=True,
    ),
    _cause(
        r"certificate|SSL CA cert|error setting cert|unable to get local issuer",
        "the host's certificate is not trusted",
        "if your site inspects TLS, name its CA file in `ca_bundle` or SSL_CERT_FILE",
        unreachable=True,
    ),
    _cause(
        r"host key verification failed",
        "ssh does not know the host's key",
        "add the host to known_hosts: run ssh-keyscan, and compare the fingerprint",
    ),
    _cause(r"cannot run ssh|ssh: .*not found", "ssh is not installed"),
    _cause(
        r"response 407|code 407|error: 407",
        "the proxy asks for a login",
        "write user and password into HTTPS_PROXY",
        unreachable=True,
    ),
    _cause(
        r"returned error: 429|rate limit",
        "the host limits how often it may be asked",
        _LIMITED,
        unreachable=True,
    ),
    _cause(r"returned error: 5\d\d", "the host has a fault of its own", unreachable=True),
    _cause(
        r"could not read (username|password)",
        "the repository was not found, or is private",
        _LOGIN,
        gone=True,
    ),
    _cause(
        r"authentication failed|error: 40[13]|permission denied \(|access denied|invalid cred",
        "the host refuses the login, or wants one",
        _LOGIN,
    ),
    _cause(
        r"repository .* not found|error: 4(04|10)|does not appear to be a git repo|not exist",
        "the repository was not found, or is private",
        "check the URL; " + _LOGIN,
        gone=True,
    ),
    _cause(
        r"^(error|fatal): .*(fsck error|object [0-9a-f]{40}: )",
        "git finds the repository's objects malformed, and did not store them",
    ),
    _cause(
        r"^remote: (fatal|error): |possible repository corruption",
        "the host cannot read its own repository",
    ),
    _cause(
        r"rpc failed|early eof|unexpected disconnect|transfer closed|recv fail|bad pack header",
        _BROKE_OFF,
        unreachable=True,
    ),
    _cause(
        r"not valid: is this a git repo|invalid server response|bad line length|protocol error",
        "what answers is not a git server",
        "a login page or a proxy may stand between: open the URL in a browser",
    ),
    _cause(
        r"dubious ownership",
        "git refuses a repository that belongs to another user",
        "run hubmirror as its owner, or give an https or ssh URL",
    ),
    _cause(
        r"transport '.*' not allowed",
        "the host sends us to another transport",
        "write the URL that it leads to into the manifest, if it is the right one",
    ),
    _cause(
        r"couldn't find remote ref|not our ref|no such remote ref|unadvertised object",
        "the ref or commit is not there, or not any more",
        "run this again: it may have moved meanwhile",
    ),
    _cause(
        r"failed to connect|couldn't connect|connection (refused|reset|closed)|timed? ?out"
        r"|no route to host|network is unreachable|too slow|empty reply|transfer closed|recv fail"
        r"|hung up|tls|ssl|tunnel failed|curl|premature|could not read from remote|http/2",
        _BROKE_OFF,
        unreachable=True,
    ),
)
_DISK = re.compile(r"no space left|disk quota|read-only file system|input/output error", re.I)
_BOILERPLATE = re.compile(
    r"^(From |Please make sure|and the repository exists|warning: redirecting|\s*$)"
)
_DAMAGED = re.compile(r"index-pack|corrupt|inflate", re.IGNORECASE)
_ANY_URL = re.compile(r"\w+://\S+")
_SHORTEST_SECRET = 4  # less would turn every word into stars
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")


def upstream_error(address: Address, said: str) -> HubmirrorError:
    """Say why git could not get something from an address; ``said`` is its stderr.

    A full or read-only disk is a ``StorageError``, everything else an ``UpstreamError``.
    """
    lines = [line for line in _clean(address, said) if not _BOILERPLATE.match(line)]
    full = next((line for line in lines if _DISK.search(line)), "")
    if full:
        return StorageError(f"cannot store what comes from {address.shown}: {full}")
    bare = {line: _ANY_URL.sub("", line) for line in lines}  # words in a URL are no complaint
    for cause in _CAUSES:
        line = next((line for line in lines if cause.pattern.search(bare[line])), "")
        if line:
            message = f"{address.shown}: {cause.meaning} (git: {line})"
            if cause.gone:
                return GoneError(message, hint=cause.hint)
            return UpstreamError(message, hint=cause.hint, unreachable=cause.unreachable)
    what = "what came is damaged" if _DAMAGED.search(said) else "git failed"
    return UnexplainedError(f"{address.shown}: {what} (git: {last_word(lines)})")


def timeout_error(address: Address, idle_s: float) -> UpstreamError:
    """Say that nothing came for too long."""
    host = address.host or "git"
    return UpstreamError(
        f"{address.shown}: nothing came from {host} for {idle_s:g} seconds", unreachable=True
    )


def limit_error(address: Address, wait_s: float) -> UpstreamError:
    """Say that a host wants to be asked less, and until when, if it said so."""
    reset = time.strftime(" until %H:%M:%S UTC", time.gmtime(time.time() + wait_s))
    return UpstreamError(
        f"{address.shown}: {address.host} limits how often it may be asked"
        f"{reset if wait_s else ''}",
        hint=_LIMITED,
        unreachable=True,
    )


def last_word(lines: list[str]) -> str:
    """Return the line that says most: the last fatal or error, else the last of all."""
    loud = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return [*lines, *loud][-1] if lines else "it does not say why"


def _clean(address: Address, said: str) -> list[str]:
    text = said.replace(address.url, address.shown)
    text = _USERINFO.sub("", text)
    if "://" in address.url:
        parts = urlsplit(address.url)
        secret = parts.password or parts.username or ""
        if len(secret) >= _SHORTEST_SECRET and address.protocol != "ssh":
            text = text.replace(secret, "***").replace(unquote(secret), "***")
    lines = re.split(r"[\r\n]+", text)
    return [line.strip() for line in lines if not line.startswith(" ")]  # no lists of refs
