"""A value of the lock's JSON that knows the way to itself, so that a fault names its place.

Standard library only. Knows JSON's types and our smallest ones; which keys a lock has is a
matter of ``lock``. Invariant: what was read from a part is of the type that was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from hubmirror.errors import Fault, InvalidInputError
from hubmirror.manifest.addresses import shown
from hubmirror.records import FULL_COMMIT, Digest, RefKind, RefRow

_T = TypeVar("_T")
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_HINT = (
    "locks are written by `hubmirror sync` and not by hand: take the file from git again, "
    "or remove it: sync goes on from what it last published"
)


@dataclass(slots=True)  # not frozen: a large lock has many, and each lives a moment
class Part:
    """A value of the JSON document that knows the way to itself.

    ``key`` is where it is in its parent; the file, for the document as a whole.
    """

    value: object
    key: str
    parent: Part | None = None

    def fault(self, message: str) -> InvalidInputError:
        """Return the error that says what is wrong here, and where that is."""
        place, part = "", self
        while part.parent:
            place, part = f"{_step(part.key)}{place}", part.parent
        place = place.removeprefix(".")
        return broken(part.key, f"{place}: {message}" if place else message)

    def made(self, make: Callable[[], _T]) -> _T:
        """Make a value of this; what it refuses is refused with the place."""
        try:
            return make()
        except InvalidInputError as error:
            raise self.fault(error.message) from None

    def mapping(self) -> dict[str, object]:
        """Read a mapping."""
        if not isinstance(self.value, dict):
            raise self.fault(f"expected {{...}}, got {_got(self.value)}")
        return self.value

    def field(self, key: str) -> Part:
        """Return what a mapping must have under a key."""
        mapping = self.mapping()
        if key not in mapping:
            raise self.fault(f"{key!r} is missing")
        return Part(mapping[key], key, self)

    def only(self, *keys: str) -> None:
        """Refuse keys that nobody knows."""
        for key in self.mapping():
            if key not in keys:
                expected = ", ".join(keys)
                raise self.fault(f"unknown key {shown(key)}; the keys here are {expected}")

    def each(self, make: Callable[[str, Part], _T]) -> tuple[_T, ...]:
        """Make a value of each item of a mapping."""
        items = self.mapping().items()
        return tuple([make(key, Part(value, key, self)) for key, value in items])

    def items(self) -> Iterator[Part]:
        """Go through a list."""
        if not isinstance(self.value, list):
            raise self.fault(f"expected [...], got {_got(self.value)}")
        return (Part(item, str(index), self) for index, item in enumerate(self.value))

    def rows(self) -> tuple[RefRow, ...]:
        """Read a list of refs."""
        return tuple(item.row() for item in self.items())

    def texts(self) -> tuple[str, ...]:
        """Read a list of texts."""
        return tuple(item.text() for item in self.items())

    def row(self) -> RefRow:
        """Read a ref."""
        self.only("commit", "kind", "name")
        kind, commit = self.field("kind"), self.field("commit").commit()
        if kind.text() not in list(RefKind):
            raise kind.fault(f"expected one of {', '.join(RefKind)}, got {_got(kind.value)}")
        return RefRow(self.field("name").text(), RefKind(kind.text()), commit)

    def commit(self) -> str:
        """Read a full commit."""
        if not FULL_COMMIT.fullmatch(self.text()):
            raise self.fault(f"expected 40 hex digits, got {_got(self.value)}")
        return self.text()

    def text(self) -> str:
        """Read a text."""
        if isinstance(self.value, str):
            return self.value
        raise self.fault(f"expected text, got {_got(self.value)}")

    def digest(self) -> Digest:
        """Read a sha256."""
        text = self.text()
        if _HEX_DIGEST.fullmatch(text):
            return Digest(text)
        raise self.fault(f"expected 64 hex digits in lower case, got {_got(self.value)}")

    def whole_number(self) -> int:
        """Read a number that is not negative."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= 0:
            return self.value
        raise self.fault(f"expected a whole number, got {_got(self.value)}")


def broken(file: str, message: str, line: int = 0, column: int = 0) -> InvalidInputError:
    """Return the error for a lock that was edited by hand, or merged wrongly."""
    fault = Fault(file, line, column, message)
    return InvalidInputError(f"{file}: not a valid lock:", hint=_HINT, faults=[fault])


def _step(key: str) -> str:
    return f".{key}" if key.replace("_", "").isalnum() else f"[{shown(key)}]"


def _got(value: object) -> str:
    match value:
        case dict():
            return "{...}"
        case list():
            return "[...]"
        case str():
            return shown(value)
        case _:
            return json.dumps(value)
