"""Reads files of settings: flat ``key: value`` YAML, one to a line.

By itself, because the offline half has nothing but the standard library.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from hubmirror.errors import Fault, InvalidInputError

_log = logging.getLogger(__name__)
_LINE = re.compile(r"(?P<key>[a-z_]+):(?:\s+(?P<value>.*))?")


def read(path: Path, keys: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return each value with its place, ``file:line``; a file that is not there has none.

    Raises:
        InvalidInputError: naming every line that is no setting.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        _log.warning("%s: settings are passed over: %s", path, error.strerror)
        return {}
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: not UTF-8 text: {error.reason}") from error
    found: dict[str, tuple[str, str]] = {}
    faults: list[Fault] = []
    for number, key, value in _pairs(lines):
        where = f"{path}:{number}"
        if key not in keys:
            known = ", ".join(keys)
            message = f"expected `key: value` with one of the keys {known}; got {key!r}"
            faults.append(Fault(str(path), number, 1, message))
        elif key in found:
            faults.append(Fault(str(path), number, 1, f"{key!r} is set twice"))
        elif value is not None:
            found[key] = (value, where)
    if faults:
        raise InvalidInputError(f"{path}: not valid settings", faults=faults)
    return found


def _pairs(lines: list[str]) -> Iterator[tuple[int, str, str | None]]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#") or text == "---":
            continue
        match = _LINE.fullmatch(line.rstrip())
        if not match:
            yield number, text, None
            continue
        value = re.sub(r"(^|\s)#.*$", "", match["value"] or "").strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        yield number, match["key"], value or None
