"""What a name can stand for, as far as reading tells, and the scopes that hold names.

Knows nothing of how values come about. Invariant: a value never holds a live object of the
repo, only where something is written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

_MAX_OPTIONS = 8
_MAX_CHARACTERS = 1 << 16  # t = t + t doubles
_MAX_ITEMS = 5000


class Opaque(Enum):
    """What is said of a value of which nothing else can be said."""

    PLAIN = "not callable, and of no interest"
    UNKNOWN = "it cannot be told whether this is callable"
    ABSENT = "nothing has this name"


class Further:
    """A value that only a richer evaluation than this package's makes; passed on as it is."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A string or a path; one below ``/`` is below the root of the repo."""

    text: str


@dataclass(frozen=True, slots=True)
class Texts:
    """A list, tuple or set of strings."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something of an installed package, by its dotted name; empty for what a call of it gave."""

    name: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A name bound by an import that nobody has followed yet.

    ``name`` is empty for ``import module``; then ``top`` tells whether the first part of
    the module was bound, or the whole of it.
    """

    file: str
    line: int
    level: int
    module: str
    name: str = ""
    top: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the repo; without ``file`` it is a folder that has no ``__init__.py``."""

    folder: str
    file: str


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A def or lambda; ``bound`` counts the leading parameters that callers do not give.

    ``within`` is the scope around it, for an evaluation that runs its body.
    """

    file: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    bound: int = 0
    within: Scope | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class definition."""

    file: str
    node: ast.ClassDef


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """``functools.partial(inner, ...)``.

    ``positional`` and ``keywords`` are the source of its arguments, or None when a ``*``
    or ``**`` hides some of them.
    """

    file: str
    line: int
    inner: Value
    positional: int | None
    keywords: Mapping[str, ast.expr] | None


@dataclass(frozen=True, slots=True)
class Unread:
    """What an import names, from a module of the repo that cannot be read through."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Either:
    """What a name stands for after a branch: the first option is the likelier."""

    options: tuple[Value, ...]


CallableValue = Function | Class | Partial | Unread
Value = CallableValue | Text | Texts | Foreign | Imported | Module | Either | Opaque | Further


def text(joined: str) -> Value:
    """Return a string that was put together, PLAIN when it grew out of reason."""
    return Text(joined) if len(joined) <= _MAX_CHARACTERS else Opaque.PLAIN


def texts(items: tuple[str, ...]) -> Value:
    """Return a list of strings, PLAIN when it grew out of reason."""
    return Texts(items) if len(items) <= _MAX_ITEMS else Opaque.PLAIN


def either(values: Iterable[Value]) -> Value:
    """Join what a name stands for at the end of several branches, likeliest first."""
    options: list[Value] = []
    for value in values:
        options += value.options if isinstance(value, Either) else (value,)
    kept = [option for option in dict.fromkeys(options) if option is not Opaque.ABSENT]
    if not kept:
        return Opaque.ABSENT
    return kept[0] if len(kept) == 1 else Either(tuple(kept[:_MAX_OPTIONS]))


class Scope:
    """The names of a module, of a function body, or of one branch in them.

    A branch sees the names around it and keeps its own bindings until they are joined.
    """

    def __init__(self, file: str, parent: Scope | None = None) -> None:
        self.file = file
        self.parent = parent
        self.names: dict[str, Value] = {}
        self.returned: list[Value] = []
        self.is_open = False  # more names may exist than those that are bound

    def branch(self) -> Scope:
        """Open a scope for a stretch of code that may not run."""
        branch = Scope(self.file, self)
        branch.returned = self.returned
        return branch

    def get(self, name: str) -> Value:
        """Return what the name stands for here, ABSENT when it is not bound."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return Opaque.ABSENT

    def bind(self, name: str, value: Value) -> None:
        """Make the name stand for the value from here on."""
        self.names[name] = value

    def join(self, branches: Sequence[Scope]) -> None:
        """Take over the bindings of branches of which one ran, the likeliest first."""
        for name in dict.fromkeys(name for branch in branches for name in branch.names):
            self.bind(name, either(branch.get(name) for branch in branches))
        self.is_open = self.is_open or any(branch.is_open for branch in branches)


class World(Protocol):
    """What evaluation asks of the repo around it; nothing of it raises."""

    def step(self) -> bool:
        """Spend one step of the work that a repo may cause; False when none is left."""

    def resolve(self, value: Value) -> Value:
        """Follow imports and choose among branches: never Imported, never Either."""

    def attribute(self, base: Value, name: str) -> Value:
        """Return what ``base.name`` stands for."""

    def call(self, function: Function, arguments: Mapping[str, Value]) -> Value:
        """Return what a function of the repo gives back for these arguments."""

    def member(self, owner: Class, name: str) -> Function | None:
        """Return a method of a class of the repo, its own or inherited."""

    def star(self, imported: Imported, scope: Scope) -> None:
        """Bind what ``from module import *`` brings."""

    def search(self, folder: str, *, first: bool) -> None:
        """Add a folder of the repo to those in which imports are looked up."""
