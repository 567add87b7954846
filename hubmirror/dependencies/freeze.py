"""Reads what ``pip freeze`` printed on a node: which distributions are there, in which version.

Knows nothing of repos. A distribution that was installed from an address or a folder is there
in a version that may not be told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from hubmirror.distributions import normalized
from hubmirror.errors import Fault, InvalidInputError, StorageError

_PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*===?\s*(?P<version>\S+)(\s*;.*)?"
)
_ADDRESSED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*@\s*(?P<url>\S+)(\s*;.*)?")
_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]+(?P<what>.+)")
_EDITABLE_NOTE = re.compile(r"#\s*Editable.*\((?P<pin>\S+==\S+)\)")
_EXPECTED = "expected a line of `pip freeze`, such as numpy==2.1.0"


@dataclass(frozen=True, slots=True)
class Freeze:
    """The distributions of a node by their normalized names; None is a version that is not told."""

    file: str
    installed: Mapping[str, Version | None]


def read_freeze(path: Path) -> Freeze:
    """Read a file that ``pip freeze`` wrote.

    Raises:
        InvalidInputError: with every line that is none of pip's, or because there is no such file.
        StorageError: when it cannot be read.
    """
    try:
        return parse_freeze(path.read_text(encoding="utf-8-sig", errors="replace"), file=str(path))
    except FileNotFoundError:
        hint = "make it on the node: pip freeze > freeze.txt"
        raise InvalidInputError(f"{path}: no such file", hint=hint) from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error


def parse_freeze(text: str, *, file: str) -> Freeze:
    """Read the text that ``pip freeze`` printed; ``file`` is for messages."""
    installed: dict[str, Version | None] = {}
    faults: list[Fault] = []
    note = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        try:
            installed.update(_distribution(stripped, note))
        except ValueError:
            faults.append(Fault(file, number, 1, f"{_EXPECTED}, got {stripped[:80]!r}"))
        noted = _EDITABLE_NOTE.match(stripped)
        note = noted["pin"] if noted else ""
    if faults:
        hint = "make it on the node: pip freeze > freeze.txt"
        raise InvalidInputError("", hint=hint, faults=faults)
    return Freeze(file, installed)


def _distribution(line: str, note: str) -> Mapping[str, Version | None]:
    """Read a line; comments and options give nothing.

    Raises:
        ValueError: when it is nothing that pip prints.
    """
    if editable := _EDITABLE.fullmatch(line):
        return _distribution(note, "") if note else _named_by(editable["what"])
    if not line or line.startswith(("#", "-")):
        return {}
    if pinned := _PINNED.fullmatch(line):
        return {normalized(pinned["name"]): _version(pinned["version"])}
    if addressed := _ADDRESSED.fullmatch(line):
        return {normalized(addressed["name"]): _version_in(addressed["url"])}
    raise ValueError(line)


def _named_by(address: str) -> Mapping[str, None]:
    """Name an editable distribution: by ``#egg=``, else by its folder."""
    parts = urlsplit(address)
    egg = re.search(r"(?:^|&)egg=([\w.-]+)", parts.fragment)
    name = egg[1] if egg else parts.path.rstrip("/").rpartition("/")[2].partition("@")[0]
    return {normalized(name): None} if name else {}


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:  # `===` takes any text
        return None


def _version_in(url: str) -> Version | None:
    """Return the version that the name of a wheel or sdist carries."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    try:
        if name.endswith(".whl"):
            return parse_wheel_filename(name)[1]
        return parse_sdist_filename(name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
