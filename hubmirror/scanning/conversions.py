"""What functions give back that need nothing but their arguments.

A value that a caller chose stays one through ``str`` and ``int``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hubmirror.hubconf.values import Opaque, Text, Value
from hubmirror.scanning import containers, paths, strings
from hubmirror.scanning.values import (
    UNKNOWN,
    Argument,
    Hole,
    Items,
    Known,
    Table,
    plain,
    truth,
)


def _str(arguments: Sequence[Value]) -> Value:
    if not arguments:
        return Text("")
    value = plain(arguments[0])
    if isinstance(value, Hole | Opaque):
        return arguments[0]
    made = strings.concatenated([strings.parts_of(value, "...")])
    return _kept(arguments[0], made) if value == made else made


def _int(arguments: Sequence[Value]) -> Value:
    match [plain(one) for one in arguments]:
        case [Known(int() | float() | bool() as number)] if number == number:
            return _kept(arguments[0], Known(int(number)))
        case [Text(text)] if text.strip().isdecimal() and len(text) < 20:
            return Known(int(text))
        case [one]:
            return one
        case _:
            return UNKNOWN


def _kept(argument: Value, made: Value) -> Value:
    """Return what was made of an argument as one that the caller still chooses."""
    return Argument(argument.name, made) if isinstance(argument, Argument) else made


def _len(arguments: Sequence[Value]) -> Value:
    match [plain(one) for one in arguments]:
        case [Text(text)]:
            return Known(len(text))
        case [Items(items, is_open=False)]:
            return Known(len(items))
        case [Table(entries, is_open=False)]:
            return Known(len(entries))
        case _:
            return UNKNOWN


def _bool(arguments: Sequence[Value]) -> Value:
    verdict = truth(arguments[0]) if arguments else False
    return UNKNOWN if verdict is None else Known(verdict)


def _dirname(arguments: Sequence[Value]) -> Value:
    match [plain(one) for one in arguments]:
        case [Text(text)]:
            head = text.rpartition("/")[0]
            return Text(head or ("/" if text.startswith("/") else ""))
        case _:
            return UNKNOWN


def _basename(arguments: Sequence[Value]) -> Value:
    match [plain(one) for one in arguments]:
        case [Text(text)]:
            return Text(text.rpartition("/")[2])
        case _:
            return UNKNOWN


def _environment(arguments: Sequence[Value]) -> Value:
    """Return what code falls back to: an offline machine sets no such variable."""
    return arguments[1] if len(arguments) > 1 else UNKNOWN


def _joined_url(arguments: Sequence[Value]) -> Value:
    return paths.joined_url(arguments[0], arguments[1]) if len(arguments) > 1 else UNKNOWN


def _quoted(arguments: Sequence[Value]) -> Value:
    return paths.quoted(plain(arguments[0])) if arguments else UNKNOWN


CONVERSIONS: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "builtins.str": _str,
    "builtins.int": _int,
    "builtins.len": _len,
    "builtins.bool": _bool,
    "builtins.zip": containers.zipped,
    "builtins.enumerate": containers.numbered,
    "builtins.range": containers.ranged,
    "os.path.dirname": _dirname,
    "os.path.basename": _basename,
    "os.getenv": _environment,
    "os.environ.get": _environment,
    "urllib.parse.urljoin": _joined_url,
    "urllib.parse.quote": _quoted,
}
"""Functions by their dotted names, each from its positional arguments."""
