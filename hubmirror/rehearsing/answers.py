"""What the child of a rehearsal says of its load, read with care: it ran the code of strangers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubmirror.errors import InvalidInputError

_LONGEST_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Missed:
    """Something that was asked for in vain.

    Attributes:
        wanted: The URL or spec; empty where nobody could mirror it, such as a bare connection.
        message: What it was told.
        hint: The manifest lines to add.
        place: Whose code asked, as ``owner/name hubconf.py:12``; empty where it cannot be told.
    """

    wanted: str
    message: str
    hint: str
    place: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that a load ended with.

    Attributes:
        message: Its class and words.
        hint: What to do; empty where that is not known.
        place: The innermost line of a repo that it came through, or empty.
        lacks: What this machine lacks, where that is the reason: then nothing is proved.
    """

    message: str
    hint: str
    place: str
    lacks: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """What loaded it."""

    torch: str
    python: str
    platform: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole account of one load.

    Attributes:
        runtime: What loaded it.
        result: The fingerprint of what came of it; empty where there is none.
        failure: None where it came to its end.
        relied: The digest behind each URL and spec that it was given.
        missed: What it asked for in vain, whatever it made of that.
    """

    runtime: Runtime
    result: str
    failure: Failure | None
    relied: Mapping[str, str]
    missed: tuple[Missed, ...]


def read_answer(path: Path) -> Answer | None:
    """Read what a child has written; None where it has not.

    Raises:
        InvalidInputError: when that is no answer.
    """
    try:
        if path.is_symlink():
            raise InvalidInputError("its account is a link")
        with path.open("rb") as stream:
            content = stream.read(_LONGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        if len(content) > _LONGEST_BYTES:
            raise ValueError("it is too long")
        return _answer(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError(f"its account cannot be understood: {error}") from error


def _answer(fields: Mapping[str, Any]) -> Answer:
    return Answer(
        runtime=Runtime(*(_text(fields, name) for name in ("torch", "python", "platform"))),
        result=_text(fields, "result"),
        failure=_failure(fields["error"]) if fields["error"] else None,
        relied={str(name): str(digest) for name, digest in fields["relied"].items()},
        missed=tuple(
            Missed(_text(one, "wanted"), _text(one, "message"), _text(one, "hint"), _place(one))
            for one in fields["missed"]
        ),
    )


def _failure(fields: Mapping[str, Any]) -> Failure:
    message = f"{_text(fields, 'kind')}: {_text(fields, 'message')}".strip()
    return Failure(message, _text(fields, "hint"), _place(fields), _text(fields, "lacks"))


def _place(fields: Mapping[str, Any]) -> str:
    return " ".join(part for part in (_text(fields, "repo"), _text(fields, "line")) if part)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text")
    return value
