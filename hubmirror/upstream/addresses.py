"""What may be given to git as the address of a repo or as the name of a ref.

Pure judgements, made again here whatever the manifest's reader said: git takes options,
commands (``ext::``) and other transports in the same places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from hubmirror import urls
from hubmirror.errors import InvalidInputError

_SCP = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_][A-Za-z0-9_.-]*:(?![-:]|//).+")
_HOST = re.compile(r"[a-z0-9_][a-z0-9_.-]*|[0-9a-f:.]+(%[a-z0-9]+)?")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_BAD_IN_REF = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|[/.]$|^[-/.@]$|^[-/.]"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A git URL that is safe to give to git.

    Attributes:
        url: As the manifest has it.
        protocol: ``https``, ``http``, ``ssh`` or ``file``.
    """

    url: str
    protocol: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read a git URL: https, http, ssh, ``user@host:path`` or file.

        Raises:
            InvalidInputError: for any other transport, for options, and for what hides one.
        """
        if _UNPRINTABLE.search(url) or url.startswith("-"):
            raise InvalidInputError(f"not a git URL: {url!r}")
        if "://" not in url:
            if _SCP.fullmatch(url):
                return cls(url, "ssh")
            raise _unknown(url)
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            shown = re.sub(r"//.*@", "//", url)
            raise InvalidInputError(f"not a git URL: {shown!r}: {error}") from None
        if parts.scheme == "file" and not host and parts.path.startswith("/"):
            return cls(url, "file")
        names_repo = parts.path.strip("/") and not parts.path.startswith("/-")
        if parts.scheme in ("https", "http", "ssh") and _HOST.fullmatch(host) and names_repo:
            return cls(url, parts.scheme)
        raise _unknown(url)

    @property
    def shown(self) -> str:
        """The URL as it may be printed."""
        return urls.redact(self.url)

    @property
    def host(self) -> str:
        """The host that is asked; empty for a local path."""
        if "://" in self.url:
            return urlsplit(self.url).hostname or ""
        return self.url.partition(":")[0].rpartition("@")[2]

    @property
    def allowed(self) -> str:
        """The transports that git may use on the way, as ``GIT_ALLOW_PROTOCOL`` wants them."""
        return "http:https" if self.protocol == "http" else self.protocol


def _unknown(url: str) -> InvalidInputError:
    shown = urls.redact(url) if "://" in url else url
    return InvalidInputError(
        f"not a git URL that hubmirror uses: {shown!r}",
        hint="write https://host/path, ssh://host/path, user@host:path or file:///path",
    )


def check_ref_name(name: str) -> None:
    """Refuse what git would not take as the name of a branch or tag, and options.

    Raises:
        InvalidInputError: naming the ref.
    """
    if not name or _BAD_IN_REF.search(name):
        raise InvalidInputError(f"not a name that a git ref can have: {name!r}")
