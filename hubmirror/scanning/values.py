"""What a name can stand for while code is followed with its data: numbers, tables, objects.

Adds to the values of ``hubconf``. Invariants: a value holds no live object of the repo; what is
not known is UNKNOWN, and a string of which a part is not known is a ``Pattern``, never a guess.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from hubmirror.hubconf.values import Class, Function, Further, Opaque, Text, Value

MOST_OPTIONS = 64
MOST_ITEMS = 2000
_MOST_COMPARED = 64
_CHEAP = 8  # elements that cost a step
_MOST_CHARACTERS = 1 << 14

UNKNOWN = Opaque.UNKNOWN


@dataclass(frozen=True, slots=True)
class Known(Further):
    """A number, truth value, None or bytes."""

    value: int | float | complex | bool | bytes | None


NONE, TRUE, FALSE = Known(None), Known(True), Known(False)


@dataclass(frozen=True, slots=True)
class Hole(Further):
    """A value of which only the name is known; shown as ``{name}`` inside a string."""

    name: str


@dataclass(frozen=True, slots=True)
class Pattern(Further):
    """A string with parts that only running the code would tell."""

    parts: tuple[str | Hole, ...]


@dataclass(slots=True, eq=False)
class Items(Further):
    """A list, tuple or set; an open one has further items that are not known."""

    items: list[Value]
    is_open: bool = False


@dataclass(slots=True, eq=False)
class Table(Further):
    """A dict; an open one has further keys that are not known, or that a caller may give."""

    entries: dict[Hashable, tuple[Value, Value]] = field(default_factory=dict)
    is_open: bool = False
    is_callers: bool = False

    def put(self, name: Value, value: Value) -> None:
        """Set one key."""
        found = key(name)
        if found is None or isinstance(plain(name), Pattern | Hole | Opaque):
            self.is_open = True
        elif found in self.entries or len(self.entries) < MOST_ITEMS:
            self.entries[found] = (plain(name), value)

    def get(self, name: Value) -> Value:
        """Return what stands under a key, ABSENT when nothing does."""
        found = key(name)
        return self.entries[found][1] if found in self.entries else Opaque.ABSENT

    def merge(self, other: Table) -> None:
        """Take over all keys of another table."""
        for name, value in other.entries.values():
            self.put(name, value)
        self.is_open = self.is_open or other.is_open


@dataclass(slots=True, eq=False)
class Instance(Further):
    """An object that was made from a class of the repo."""

    made: Class
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member(Further):
    """A member of an Enum; equal to itself however it was reached."""

    file: str
    line: int
    name: str
    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class Method(Further):
    """A function of a class, taken from an object or by ``super()``."""

    function: Function
    owner: Class
    bound_to: Value


@dataclass(frozen=True, slots=True, eq=False)
class Super(Further):
    """What ``super()`` gives: the bases of a class, for one object."""

    owner: Class
    bound_to: Value


@dataclass(frozen=True, slots=True, eq=False)
class Applied(Further):
    """``functools.partial(inner, ...)`` with the values that it was given."""

    inner: Value
    positional: tuple[Value, ...]
    named: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class OneOf(Further):
    """One of several values. A mixed one may name combinations that never occur."""

    options: tuple[Value, ...]
    is_mixed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Argument(Further):
    """What a caller of an entrypoint may choose, with the value that it has in this run.

    A switch is True or False, and both are followed at once.
    """

    name: str
    value: Value
    is_switch: bool = False


def asked(name: str, default: Value | None) -> Argument:
    """Return what a caller may choose, as it is when nothing is chosen."""
    held = None if default is None else plain(default)
    if isinstance(held, Known) and isinstance(held.value, bool):
        return Argument(name, Hole(name), is_switch=True)
    return Argument(name, Hole(name) if held is None else held)


def plain(value: Value) -> Value:
    """Return a value without the remark that a caller chose it."""
    while isinstance(value, Argument):
        value = value.value
    return value


def options(value: Value) -> tuple[Value, ...]:
    """Return every value that this may be, as far as they are told apart."""
    value = plain(value)
    return value.options if isinstance(value, OneOf) else (value,)


def one_of(values: Iterable[Value], *, is_mixed: bool = False) -> Value:
    """Join values of which one holds."""
    joined: dict[object, Value] = {}
    for value in values:
        is_mixed = is_mixed or (isinstance(value, OneOf) and value.is_mixed)
        for option in value.options if isinstance(value, OneOf) else (value,):
            if option is not Opaque.ABSENT:
                joined.setdefault(key(option) or ("", id(option)), option)
        if len(joined) >= MOST_OPTIONS:
            break
    kept = tuple(joined.values())[:MOST_OPTIONS]
    if not kept:
        return Opaque.ABSENT
    return kept[0] if len(kept) == 1 else OneOf(kept, is_mixed)


def key(value: Value, depth: int = 2) -> tuple[str, Hashable] | None:
    """Return what makes a value equal to others, None where that cannot be told.

    Lists are compared to a small depth only: one that holds itself twice would never end.
    """
    match plain(value):
        case Text(text):
            return ("str", text)
        case Known(known):
            return ("number", known)  # 1 == True == 1.0, as in Python
        case Member() | Pattern() | Hole() | Opaque() as same:
            return (type(same).__name__, same)
        case Class() | Function() as defined:
            return ("definition", id(defined.node))
        case Items(items, is_open=False) if depth and len(items) <= _MOST_COMPARED:
            parts = [key(item, depth - 1) for item in items]
            return None if None in parts else ("items", tuple(parts))
        case _:
            return None


def same(one: Value, other: Value) -> bool | None:
    """Tell whether two values are equal, None where that cannot be told."""
    left, right = key(one), key(other)
    return None if left is None or right is None else left == right


def weight(value: Value) -> int:
    """Return how much work it is to go through a value, in steps."""
    match value:
        case OneOf(several):
            return len(several) // _CHEAP
        case Items(items):
            return len(items) // _CHEAP
        case Table(entries):
            return len(entries) // _CHEAP
        case _:
            return 0


def is_certain(value: Value) -> bool:
    """Tell whether equality with this value can be decided."""
    return isinstance(plain(value), Text | Known | Member | Class)


def truth(value: Value) -> bool | None:
    """Return what ``bool(value)`` is, None where that cannot be told."""
    match plain(value):
        case Text(text):
            return bool(text)
        case Known(known):
            return bool(known)
        case Items(items, is_open) if items or not is_open:
            return bool(items)
        case Table(entries, is_open) if entries or not is_open:
            return bool(entries)
        case Member() | Class() | Function() | Instance():
            return True
        case Pattern(parts) if any(isinstance(part, str) and part for part in parts):
            return True
        case OneOf(several):
            truths = {truth(option) for option in several}
            return truths.pop() if len(truths) == 1 else None
        case _:
            return None


def joined(parts: Iterable[str | Hole]) -> Value:
    """Return a string of parts: text where all is known, a pattern where not."""
    merged: list[str | Hole] = []
    length = 0
    for part in parts:
        length += len(part) if isinstance(part, str) else 1
        if length > _MOST_CHARACTERS:
            return UNKNOWN
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    if all(isinstance(part, str) for part in merged):
        return Text("".join(part for part in merged if isinstance(part, str)))
    return Pattern(tuple(merged))


def shown(pattern: Pattern) -> str:
    """Write a pattern with a name in braces for each part that is not known."""
    return "".join(part if isinstance(part, str) else f"{{{part.name}}}" for part in pattern.parts)
