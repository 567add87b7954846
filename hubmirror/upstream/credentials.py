"""Who we are at which host: tokens and netrc, each for its own host and no other."""

from __future__ import annotations

import base64
import netrc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from hubmirror.errors import InvalidInputError

_TOKENS = {
    "HF_TOKEN": ("huggingface.co",),
    "HUGGING_FACE_HUB_TOKEN": ("huggingface.co",),
    "GITHUB_TOKEN": ("github.com", "api.github.com", "raw.githubusercontent.com"),
}

_HTTPS_PORT = 443
_USUAL_PORTS = (80, _HTTPS_PORT)
GIT_USER = "x-access-token"
"""The name that goes with a token to a git host: GitHub's own; others take any."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that no message, log or traceback may show; ``reveal`` is for the wire alone."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __str__(self) -> str:
        return "***"


class Logins(Protocol):
    """Who we are at which address."""

    def headers(self, url: str) -> Iterator[dict[str, str]]:
        """Go through the headers to ask a URL with, the last of them without any login."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The logins of one run, by host.

    Attributes:
        tokens: By ``host``, or ``host:port`` where that is not 443: who listens on another port
            may be another. Sent over https only.
        logins: Of netrc: name and password.
        token_user: The name that goes with a token, where it is sent as a password; empty to
            send it as it is.
    """

    tokens: Mapping[str, Secret] = field(default_factory=dict)
    logins: Mapping[str, tuple[str, Secret]] = field(default_factory=dict)
    token_user: str = ""

    @classmethod
    def find(
        cls, variables: Mapping[str, str], *, netrc_file: Path | None, folder: Path | None
    ) -> Credentials:
        """Collect what the environment, a folder with a file for each host, and netrc give.

        Raises:
            InvalidInputError: when a file is there and cannot be read.
        """
        tokens = {
            host: _one_token(variables[name].strip(), name)
            for name in reversed(_TOKENS)
            if variables.get(name, "").strip()
            for host in _TOKENS[name]
        }
        tokens |= dict(_read_folder(folder)) if folder else {}
        return cls(tokens, _read_netrc(netrc_file) if netrc_file else {})

    def for_git(self) -> Credentials:
        """Return the same for git hosts, which take a token for a password."""
        return replace(self, token_user=GIT_USER)

    def token(self, url: str) -> Secret | None:
        """Return the token that a URL may be asked with."""
        parts = urlsplit(url)
        port = "" if parts.port in (None, _HTTPS_PORT) else f":{parts.port}"
        return self.tokens.get(f"{parts.hostname}{port}") if parts.scheme == "https" else None

    def headers(self, url: str, *, is_led: bool = False) -> Iterator[dict[str, str]]:
        """Go through the headers to ask a URL with, the last of them without any login.

        The next is for a host that answers 401: a dead token must not hide a public file.
        ``is_led`` says that a redirect led to it. Netrc names no port, so its login follows a
        redirect to the usual ports of a host only: who listens on another may be another.
        """
        if token := self.token(url):
            yield _basic(self.token_user, token) if self.token_user else _bearer(token)
        parts = urlsplit(url)
        is_usual = parts.port in (None, *_USUAL_PORTS)
        if (login := self.logins.get(parts.hostname or "")) and (is_usual or not is_led):
            yield _basic(*login)
        yield {}


@dataclass(frozen=True, slots=True)
class Pass:
    """Header lines that an address came with: shown at its own host and port, in place of logins.

    Attributes:
        url: The address.
        lines: May be none: then nobody is told who we are.
    """

    url: str = field(repr=False)
    lines: Mapping[str, str] = field(default_factory=dict, repr=False)

    def headers(self, url: str) -> Iterator[dict[str, str]]:
        """Go through the headers to ask a URL with, the last of them without any login."""
        if self.lines and urlsplit(url)[:2] == urlsplit(self.url)[:2]:
            yield dict(self.lines)
        yield {}


def _bearer(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.reveal()}"}


def _basic(user: str, password: Secret) -> dict[str, str]:
    pair = f"{user}:{password.reveal()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _read_folder(folder: Path) -> Iterator[tuple[str, Secret]]:
    try:
        for path in sorted(folder.iterdir()):
            if token := path.read_text(encoding="utf-8").strip():
                yield path.name.lower(), _one_token(token, str(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{folder}: its tokens cannot be read: {error}") from error


def _one_token(text: str, place: str) -> Secret:
    """Refuse what would be more than one header line, or none that can be sent."""
    if not text.isascii() or not text.isprintable():
        raise InvalidInputError(
            f"{place}: not a token: expected one line of plain letters, digits and signs"
        )
    return Secret(text)


def _read_netrc(path: Path) -> Mapping[str, tuple[str, Secret]]:
    try:
        hosts = netrc.netrc(str(path)).hosts
    except FileNotFoundError:
        return {}
    except (OSError, netrc.NetrcParseError) as error:
        raise InvalidInputError(f"{path}: cannot be read as netrc: {error}") from error
    return {host: (login, Secret(password)) for host, (login, _, password) in hosts.items()}
