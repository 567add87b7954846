"""Which addresses a manifest may name, and how one is shown without its secrets.

Standard library only. Opens nothing. Invariant: no message of this module repeats a password,
a token or a signature, whatever was given to it.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from hubmirror.errors import InvalidInputError
from hubmirror.records import GITHUB, check_repo_name
from hubmirror.urls import SECRET_PARAMETER, redact

_WEIGHT_SCHEMES = ("https", "http", "file")
_REPO_SCHEMES = ("https", "ssh", "http", "file")
_LONGEST_SHOWN = 120

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"(?:(?P<user>[^@/:]*)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^:].*)")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?(?!git@[\w.-]+:).*@(?=[^@]*$)", re.DOTALL)
_LOOKS_LIKE_USERINFO = re.compile(r"://|:[^@]*@|@[\w-]+\.[\w-]")


def shown(text: str) -> str:
    """Return a text as a message may quote it: in quotes, bounded, and without secrets."""
    if "@" in text and _LOOKS_LIKE_USERINFO.search(text):
        text = _without_userinfo(text)
    if "?" in text:
        text = _without_secret_parameters(text)
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}..."
    return repr(text)


def check_weight_url(url: str) -> None:
    """Refuse what is no address of a file, and what would carry a secret into a lock.

    Raises:
        InvalidInputError: saying what is wrong with it.
    """
    _check_characters(url)
    _check_scheme(url, _WEIGHT_SCHEMES, example="https://host/file.pth")
    _check_no_userinfo(url)
    _check_host(url)
    parts = urlsplit(url)
    if parts.fragment or url.endswith("#"):
        raise InvalidInputError(f"{shown(url)} has a part after '#', which no server ever sees")
    if (not parts.path or parts.path.endswith("/")) and not parts.query:
        raise InvalidInputError(f"{shown(url)} names no file: expected https://host/file.pth")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if SECRET_PARAMETER.search(name):
            raise InvalidInputError(
                f"{shown(url)} has {name!r} in it, which is a secret that the lock would keep; "
                "leave it out here and give the whole address as fetch_url: ${NAME}"
            )


def check_fetch_url(url: str) -> None:
    """Refuse an address with a secret in it, or with ``$`` that is no ``${NAME}``.

    Raises:
        InvalidInputError: saying what is wrong with it.
    """
    _check_characters(url)
    plain = _VARIABLE.sub("", url)
    if "$" in plain:
        raise InvalidInputError(
            "a '$' must start ${NAME}, the name of an environment variable: "
            f"letters, digits and '_' in braces; got {shown(url)}"
        )
    if not url.startswith("${"):
        _check_scheme(url, _WEIGHT_SCHEMES, example="${MODEL_URL} or https://host/file.pth")
    _check_no_userinfo(url)
    for pair in url.partition("?")[2].partition("#")[0].split("&"):
        name, _, value = pair.partition("=")
        if SECRET_PARAMETER.search(name) and _VARIABLE.sub("", value):
            raise InvalidInputError(
                f"{shown(url)} has a secret in {name!r}; write {name}=${{NAME}} "
                "and set that variable in the environment of sync"
            )


def check_repo_url(url: str) -> None:
    """Refuse what git would not clone, or what would carry a secret or an option into git.

    Raises:
        InvalidInputError: saying what is wrong with it.
    """
    _check_characters(url)
    scp = None if _SCHEME.match(url) else _SCP.fullmatch(url)
    if scp:
        if scp["user"] == "" or scp["path"].startswith("-"):
            raise InvalidInputError(f"expected git@host:path, got {shown(url)}")
        return
    _check_scheme(url, _REPO_SCHEMES, example="https://host/owner/name.git or git@host:path")
    _check_no_userinfo(url)
    _check_host(url)
    parts = urlsplit(url)
    if "?" in url or "#" in url:
        raise InvalidInputError(f"{shown(url)} has a '?' or '#' part, which no git address has")
    path = _path_parts(url)
    if not path:
        raise InvalidInputError(f"{shown(url)} names no repo: expected https://host/owner/name.git")
    if parts.hostname == GITHUB and len(path) != 2:
        raise InvalidInputError(
            f"expected https://{GITHUB}/owner/name, got {shown(url)}; a branch or tag goes to refs:"
        )


def check_no_secret(url: str) -> None:
    """Refuse an address that may not be stored, whatever else it is.

    Raises:
        InvalidInputError: when it has a password, a token or a signature in it.
    """
    _check_no_userinfo(url)
    query = url.partition("?")[2]
    if query and any(SECRET_PARAMETER.search(pair.partition("=")[0]) for pair in query.split("&")):
        raise InvalidInputError(f"{shown(url)} has a secret in it, which may not be stored")


def name_repo(repo: str, url: str) -> tuple[str, str]:
    """Return the title and git address of a repo of which one of both may be empty.

    Raises:
        InvalidInputError: when one cannot be told from the other; says what to write.
    """
    if not repo:
        return _title_of(url), url
    parts = repo.split("/")
    if parts[0].lower() == GITHUB and len(parts) != 3:
        raise InvalidInputError(f"expected owner/name, or {GITHUB}/owner/name, got {shown(repo)}")
    if url:
        return repo, url
    if len(parts) == 2:
        return repo, f"https://{GITHUB}/{repo}"
    if "." not in parts[0]:
        raise InvalidInputError(
            f"expected owner/name, or a host with a path such as git.example/team/name, "
            f"got {shown(repo)}; if {parts[0]!r} is a host, say so with url:"
        )
    return repo, f"https://{repo}"


def _title_of(url: str) -> str:
    parts = _path_parts(url)
    title = "/".join(parts[-2:]).removesuffix(".git")
    try:
        check_repo_name(title)
    except InvalidInputError:
        message = f"{shown(url)} gives the repo no name; name it with repo: owner/name"
        raise InvalidInputError(message) from None
    return title


def _path_parts(url: str) -> list[str]:
    path = urlsplit(url).path if _SCHEME.match(url) else url.partition(":")[2]
    return [part for part in path.split("/") if part]


def _check_characters(url: str) -> None:
    if not url:
        raise InvalidInputError("is empty")
    odd = next((char for char in url if char.isspace() or not char.isprintable()), None)
    if odd is not None:
        written = "a space" if odd == " " else f"the character U+{ord(odd):04X}"
        raise InvalidInputError(f"{shown(url)} has {written} in it; in a URL a space is %20")
    if "\\" in url:
        raise InvalidInputError(f"{shown(url)} has a backslash in it; a URL has '/'")


def _check_scheme(url: str, schemes: tuple[str, ...], *, example: str) -> None:
    found = _SCHEME.match(url)
    if found and found[1].lower() in schemes:
        return
    accepted = ", ".join(f"{scheme}://" for scheme in schemes)
    if found:
        message = f"{found[1]}:// is not supported: expected one of {accepted}; got {shown(url)}"
    else:
        message = f"expected a URL such as {example}, got {shown(url)}"
    raise InvalidInputError(message)


def _check_no_userinfo(url: str) -> None:
    found = _SCHEME.match(url) if "@" in url else None
    if not found:
        return
    userinfo, at, _ = re.split(r"[/?#]", url[found.end() :], maxsplit=1)[0].rpartition("@")
    if not at or (found[1].lower() == "ssh" and ":" not in userinfo):
        return
    raise InvalidInputError(
        f"a user name, password or token in a URL is not allowed: {shown(url)}; "
        "use ~/.netrc, or fetch_url: ${NAME} for a checkpoint"
    )


def _check_host(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        message = f"the host or port of {shown(url)} is not one: expected https://host:443/path"
        raise InvalidInputError(message) from None
    if parts.scheme == "file":
        if host not in ("", "localhost"):
            message = f"expected three slashes, file:///path, got {shown(url)}"
            raise InvalidInputError(message)
    elif not host or host.startswith("-"):
        raise InvalidInputError(f"{shown(url)} names no host: expected https://host/path")


def _without_userinfo(text: str) -> str:
    if "@" not in text.partition("?")[2]:
        return _USERINFO.sub(lambda found: f"{found[1] or ''}***@", text)
    # A password with '?' in it, or a parameter with '@' in it: nobody can tell which.
    scheme = _SCHEME.match(text)
    return f"{scheme[0] if scheme else ''}***"


def _without_secret_parameters(text: str) -> str:
    start, _, query = text.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    hidden = (
        f"{name}=***" if SECRET_PARAMETER.search(name) else f"{name}{equals}{value}"
        for name, equals, value in pairs
    )
    text = f"{start}?{'&'.join(hidden)}"
    try:
        return redact(text)
    except ValueError:
        return f"{start}?***"
