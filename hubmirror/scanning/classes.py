"""The classes of a repo: what they bind, what they inherit, which are Enums.

Knows nothing of how objects are made of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hubmirror.hubconf.values import Class, Foreign, Function, Scope, Text, Value
from hubmirror.hubconf.world import RepoWorld
from hubmirror.scanning.asking import Arguments, Machine
from hubmirror.scanning.findings import Place
from hubmirror.scanning.statements import execute
from hubmirror.scanning.values import UNKNOWN, Hole, Instance, Member, Method, plain

_ENUMS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum", "enum.Flag", "enum.IntFlag"})


class Classes:
    """The classes of one repo."""

    def __init__(self, machine: Machine, world: RepoWorld) -> None:
        self._machine = machine
        self._world = world
        self._bodies: dict[ast.ClassDef, Scope] = {}

    def body(self, made: Class) -> Scope:
        """Return the names that a class binds."""
        if made.node not in self._bodies:
            scope = self._bodies[made.node] = Scope(made.file, self._world.module(made.file))
            execute(made.node.body, scope, self._machine)
        return self._bodies[made.node]

    def bases(self, made: Class) -> Iterator[Value]:
        """Go through a class and all that it is derived from, nearest first."""
        waiting: list[Value] = [made]
        seen: set[int] = set()
        while waiting:
            one = plain(waiting.pop(0))
            yield one
            if isinstance(one, Class) and id(one.node) not in seen:
                seen.add(id(one.node))
                scope = self._world.module(one.file) or Scope(one.file)
                waiting += [self._machine.evaluate(base, scope) for base in one.node.bases]

    def is_enum(self, made: Class) -> bool:
        """Tell whether a class is an Enum."""
        return any(isinstance(base, Foreign) and base.name in _ENUMS for base in self.bases(made))

    def members(self, made: Class) -> list[Value]:
        """Return the members of an Enum, nothing for any other class."""
        names = self.body(made).names if self.is_enum(made) else {}
        found = (self.member(made, name, made) for name in names)
        return [one for one in found if isinstance(one, Member)]

    def of(self, value: Value) -> Value:
        """Return what ``type(value)`` is, where that is a class of the repo."""
        match plain(value):
            case Instance(made):
                return made
            case Member(file=file, line=line):
                scope = self._world.module(file)
                held = map(self._machine.resolve, scope.names.values()) if scope else ()
                classes = (one for one in held if isinstance(one, Class))
                return next((one for one in classes if one.node.lineno == line), UNKNOWN)
            case _:
                return UNKNOWN

    # Attributes

    def member(self, made: Class, name: str, bound_to: Value) -> Value:
        """Return an attribute of a class, as one of its objects or the class itself has it."""
        if name == "__name__":
            return Text(made.node.name)
        for owner in self.bases(made):
            if isinstance(owner, Class) and name in (names := self.body(owner).names):
                return self._bound(names[name], name, owner, bound_to)
        return Hole(name)

    def inherited(self, owner: Class, name: str, bound_to: Value) -> Value:
        """Return the attribute of the next base that has it, as ``super()`` does."""
        for base in list(self.bases(owner))[1:]:
            if isinstance(base, Class) and name in (names := self.body(base).names):
                return self._bound(names[name], name, base, bound_to)
        return Hole(name)

    def _bound(self, value: Value, name: str, owner: Class, bound_to: Value) -> Value:
        value = self._machine.resolve(value)
        if not isinstance(value, Function) or isinstance(value.node, ast.Lambda):
            return self._enumerated(value, name, owner)
        decorators = {ast.unparse(node) for node in value.node.decorator_list}
        if "staticmethod" in decorators:
            return value
        if "classmethod" in decorators or name == "__new__":
            made = bound_to.made if isinstance(bound_to, Instance) else bound_to
            return Method(value, owner, made)
        if isinstance(bound_to, Class):
            return value
        method = Method(value, owner, bound_to)
        if {"property", "cached_property", "functools.cached_property"} & decorators:
            return self._machine.call(method, Arguments(), Place(value.file, value.node.lineno))
        return method

    def _enumerated(self, value: Value, name: str, owner: Class) -> Value:
        if name.startswith("_") or not self.is_enum(owner):
            return value
        return Member(owner.file, owner.node.lineno, name, value)
