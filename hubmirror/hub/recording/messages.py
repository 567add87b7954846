"""What a traced process asks its tracer, and what it is told: one JSON object on each line.

Owns: the shape of both. What comes from a process that runs the code of strangers is checked
here: a line is a message of ours, or it is refused.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from hubmirror.errors import InvalidInputError

LONGEST_BYTES = 4 * 2**20
"""No line is longer, either way."""


@dataclass(frozen=True, slots=True)
class UrlAsked:
    """Code wants the bytes of a URL.

    Attributes:
        by: The function or library that it asks.
        file: Where it wants a file: ``checkpoints``, ``repo``, ``home``, ``cwd``, ``elsewhere``;
            ``memory`` where it wants none.
        repo: Whose code it is, as ``owner/name``; empty for code of no repo.
        place: Where in that repo, as ``file.py:12``.
    """

    url: str
    by: str
    method: str
    hash_prefix: str
    file: str
    repo: str
    place: str


@dataclass(frozen=True, slots=True)
class RepoAsked:
    """Code wants a hub repo, named as ``owner/name`` and a ref that may be empty."""

    name: str
    ref: str
    repo: str
    place: str


@dataclass(frozen=True, slots=True)
class FilesAsked:
    """Code wants to know which files of a Hugging Face repo there are, by their common prefix."""

    prefix: str
    repo: str
    place: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Code wanted something of the network by a way that nobody records."""

    what: str
    repo: str
    place: str


@dataclass(frozen=True, slots=True)
class Ran:
    """Code ran a program that is not known to stay on this machine."""

    program: str
    repo: str
    place: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a repo's code has imported: ``module distribution version`` each."""

    repo: str
    distributions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How the traced call ended: its error, or the fingerprint of what it returned."""

    error: str
    result: str


Question = UrlAsked | RepoAsked | FilesAsked | Refused | Ran | Imported | Ended


@dataclass(frozen=True, slots=True)
class Bytes:
    """Where the bytes of a URL lie, and what they are."""

    sha256: str
    size_bytes: int
    kind: str
    globals: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a spec means, and where its tar lies."""

    title: str
    url: str
    default_branch: str
    ref: str
    ref_kind: str
    commit: str
    sha256: str
    size_bytes: int
    entrypoints: tuple[str, ...]
    dependencies: tuple[str, ...]
    requires_torch: str
    path: str


@dataclass(frozen=True, slots=True)
class Urls:
    """The URLs that there are."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotThere:
    """The host says that it has no such thing."""

    status: int


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be had; why, and what can be done."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Noted:
    """It was taken note of."""


Answer = Bytes | Snapshot | Urls | NotThere | Failed | Noted

_QUESTIONS: dict[str, Any] = {
    one.__name__: one for one in (UrlAsked, RepoAsked, FilesAsked, Refused, Ran, Imported, Ended)
}
_ANSWERS: dict[str, Any] = {
    one.__name__: one for one in (Bytes, Snapshot, Urls, NotThere, Failed, Noted)
}
_KIND = "is"


def encode(message: Question | Answer) -> bytes:
    """Write a message as a line."""
    fields = {_KIND: type(message).__name__, **dataclasses.asdict(message)}
    return json.dumps(fields).encode() + b"\n"


def decode_question(line: bytes) -> Question:
    """Read a line that a traced process has sent.

    Raises:
        InvalidInputError: when it is no question of ours.
    """
    question: Question = _decode(line, _QUESTIONS)
    return question


def decode_answer(line: bytes) -> Answer:
    """Read a line that a tracer has sent.

    Raises:
        InvalidInputError: when it is no answer of ours.
    """
    answer: Answer = _decode(line, _ANSWERS)
    return answer


def _decode(line: bytes, known: dict[str, Any]) -> Any:  # one of the types that are known
    try:
        fields = json.loads(line)
        kind = known[fields.pop(_KIND)]
        values = {
            field.name: _value(fields.pop(field.name), str(field.type))
            for field in dataclasses.fields(kind)
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError("not a message of a trace") from error
    if fields:
        raise InvalidInputError(f"a message of a trace with {min(fields)!r} in it")
    return kind(**values)


def _value(value: object, wanted: str) -> object:
    match wanted, value:
        case "str", str():
            return value
        case "int", int():
            return value
        case "tuple[str, ...]", list() if all(isinstance(item, str) for item in value):
            return tuple(value)
        case _:
            raise TypeError(wanted)
