"""Entrypoints as a manifest writes them: ``resnet18(pretrained=True)``, or name and arguments.

Standard library only. Reads Python's syntax, runs nothing.
Invariant: equal calls, however they were spaced and quoted, give the same text.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.addresses import shown
from hubmirror.specs import EntrypointSpec

_LONGEST = 2000
# fairseq's hubconf.py puts names into globals() that Python's own syntax could not write.
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.\w+(?:-\w+)*)+")
_EXPECTED = "expected a name such as resnet18, or a call such as resnet18(pretrained=True)"


@dataclass(frozen=True, slots=True)
class Call:
    """A call with nothing but literal arguments."""

    name: str
    args: Sequence[object]
    kwargs: Mapping[str, object]


def parse_call(text: str) -> Call:
    """Read a bare name, or a call as Python would write it.

    Raises:
        InvalidInputError: when it is neither, or an argument is no literal.
    """
    name, body = _named(text)
    if isinstance(body, ast.Name):
        return Call(name or body.id, (), {})
    if not isinstance(body, ast.Call) or not isinstance(body.func, ast.Name):
        raise InvalidInputError(f"{_EXPECTED}, got {shown(text)}")
    args = [_literal(argument, text) for argument in body.args]
    kwargs: dict[str, object] = {}
    for argument in body.keywords:
        if argument.arg is None or argument.arg in kwargs:
            what = f"the argument {argument.arg!r} twice" if argument.arg else "** in it"
            raise InvalidInputError(f"{shown(text)} has {what}")
        kwargs[argument.arg] = _literal(argument.value, text)
    return Call(name or body.func.id, args, kwargs)


def check_name(name: str) -> None:
    """Refuse what hubconf.py could not define: names with dots, such as roberta.large, it can.

    Raises:
        InvalidInputError: saying so.
    """
    if (not name.isidentifier() or keyword.iskeyword(name)) and not _DOTTED.fullmatch(name):
        message = (
            f"expected the name of a function in hubconf.py, such as resnet18, got {shown(name)}"
        )
        raise InvalidInputError(message)


def check_argument(name: str) -> None:
    """Refuse what cannot be the name of a keyword argument.

    Raises:
        InvalidInputError: saying so.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidInputError(f"expected the name of an argument, got {shown(name)}")


def check_value(value: object) -> None:
    """Refuse an argument that cannot be written as a Python literal.

    Raises:
        InvalidInputError: saying what an argument may be.
    """
    match value:
        case None | bool() | int() | str() | bytes():
            return
        case float() if math.isfinite(value):
            return
        case list() | tuple():
            for item in value:
                check_value(item)
        case dict():
            for key, item in value.items():
                check_value(key)
                check_value(item)
        case _:
            raise InvalidInputError(
                "an argument must be text, a number, true, false, null, or a list or mapping of "
                "these; quote what YAML takes for a date"
            )


def entrypoint(call: Call) -> EntrypointSpec:
    """Return the entrypoint with its call spelt in the one way."""
    written = [repr(value) for value in call.args]
    written += [f"{name}={value!r}" for name, value in call.kwargs.items()]
    return EntrypointSpec(call.name, f"{call.name}({', '.join(written)})")


def _named(text: str) -> tuple[str, ast.expr]:
    """Return a dotted name, or none, and the rest as Python reads it, under a plain name."""
    dotted = _DOTTED.match(text.strip())
    if not dotted:
        return "", _syntax(text)
    return dotted[0], _syntax(f"_{text.strip()[dotted.end() :]}")


def _syntax(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise InvalidInputError(f"longer than {_LONGEST} characters, got {len(text)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        if text.count("(") != text.count(")"):
            message = (
                f"{shown(text)} is cut off: between [ and ] a comma ends an entry, "
                "so put the whole call in quotes"
            )
            raise InvalidInputError(message) from None
        _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise InvalidInputError(f"{_EXPECTED}, got {shown(text)}") from None


def _literal(node: ast.expr, text: str) -> object:
    try:
        value: object = ast.literal_eval(node)
        check_value(value)
    except (ValueError, TypeError, RecursionError, MemoryError, InvalidInputError):
        message = f"{shown(text)}: only literal arguments can be given, such as True, 3 or 'tiny'"
        raise InvalidInputError(message) from None
    return value
