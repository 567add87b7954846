"""Follows the code of a repo with its data, from call to call, without running it.

Owns: calls, objects, and the bounds on the work. ``statements`` and ``expressions`` do the rest.
Invariant: nothing of the repo runs; what cannot be told is UNKNOWN; ``SpentError`` is the only
thing that comes out, when the work is more than a repo may cause.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.values import (
    Class,
    Foreign,
    Function,
    Imported,
    Module,
    Opaque,
    Scope,
    Text,
    Value,
    World,
)
from hubmirror.hubconf.world import RepoWorld
from hubmirror.scanning import library
from hubmirror.scanning.asking import Arguments, Flow, Listener, SpentError
from hubmirror.scanning.classes import Classes
from hubmirror.scanning.expressions import evaluate
from hubmirror.scanning.findings import Place
from hubmirror.scanning.relevance import Relevance
from hubmirror.scanning.statements import execute
from hubmirror.scanning.values import (
    NONE,
    UNKNOWN,
    Applied,
    Hole,
    Instance,
    Items,
    Member,
    Method,
    OneOf,
    Super,
    Table,
    one_of,
    plain,
)

MOST_STEPS = 400_000  # of one run; a large model takes some ten thousand
_MOST_OF_AN_OBJECT = 4_000  # of which nothing fetches anything
_MOST_CALLS = 28  # within one another


class RepoMachine:
    """One repo's code, and what is known of it so far."""

    def __init__(self, sources: Sources, listener: Listener) -> None:
        self.listener = listener
        self.world = RepoWorld(sources, follow=self._follow, most_steps=MOST_STEPS)
        self._left = MOST_STEPS
        self._stack: list[ast.AST] = []
        self.classes = Classes(self, self.world)
        self.followed: set[ast.AST] = set()
        self.relevance = Relevance()
        self._harmless: dict[ast.ClassDef, bool] = {}
        self._is_building = False  # an object of which nothing fetches anything

    @property
    def left(self) -> int:
        """How much work this run may still cause."""
        return self._left

    def restart(self, steps: int) -> None:
        """Allow another run this much work."""
        self._left = steps
        self._stack.clear()
        self._is_building = False

    def step(self, cost: int = 1) -> None:
        """Spend some steps.

        Raises:
            SpentError: when none is left.
        """
        self._left -= cost
        if self._left <= 0:
            raise SpentError

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return what an expression stands for."""
        return evaluate(node, scope, self)

    def _follow(self, body: Sequence[ast.stmt], scope: Scope, _: World) -> None:
        """Bind the names of a module; it has a budget of its own, so that no run pays for it."""
        left, self._left = self._left, MOST_STEPS
        try:
            for statement in body:
                with contextlib.suppress(RecursionError):
                    execute([statement], scope, self)
        except SpentError:
            scope.is_open = True
        self._left = left

    def resolve(self, value: Value) -> Value:
        """Follow imports, of every option."""
        match value:
            case Imported():
                return self.world.resolve(value)
            case OneOf(several):
                return one_of([self.world.resolve(option) for option in several])
            case _:
                return value

    # Attributes

    def attribute(self, base: Value, name: str) -> Value:
        """Return what ``base.name`` stands for."""
        match plain(base):
            case OneOf(several):
                return one_of([self.attribute(option, name) for option in several])
            case Foreign() as foreign if len(foreign.name) < 200:
                return Foreign(f"{foreign.name}.{name}") if foreign.name else Foreign("")
            case Module() as module if name == "__dict__":
                return self._names_of(module)
            case Module() as module:
                return self.world.attribute(module, name)
            case Instance() as instance if name in instance.attributes:
                return instance.attributes[name]
            case Instance(made) as instance:
                return self.classes.member(made, name, instance)
            case Class() as made:
                return self.classes.member(made, name, made)
            case Super(owner, bound_to):
                return self.classes.inherited(owner, name, bound_to)
            case Member() as member:
                return {"value": member.value, "name": Text(member.name)}.get(name, UNKNOWN)
            case _:
                return Hole(name)

    def _names_of(self, module: Module) -> Value:
        table = Table()
        scope = self.world.module(module.file) if module.file else None
        for name in list(scope.names) if scope else ():
            table.put(Text(name), self.world.attribute(module, name))
        return table

    # Objects

    def class_of(self, value: Value) -> Value:
        """Return what ``type(value)`` is, where that is a class of the repo."""
        return self.classes.of(value)

    def _instance(self, made: Class, arguments: Arguments, place: Place) -> Value:
        if self.classes.is_enum(made):
            wanted = arguments.at(0, "value")
            return next((m for m in self.classes.members(made) if _is_meant(m, wanted)), UNKNOWN)
        instance = Instance(made)
        is_harmless = self._is_harmless(made)
        if is_harmless and self._is_building:
            return instance
        maker = self.attribute(instance, "__init__")
        if isinstance(maker, Method):
            was_building, self._is_building = self._is_building, is_harmless
            with self._at_most(_MOST_OF_AN_OBJECT if is_harmless else self._left):
                self.call(maker, arguments, place)
            self._is_building = was_building
        elif any(isinstance(b, Foreign) and _is_dict(b.name) for b in self.classes.bases(made)):
            return library.made_dict(arguments)
        else:
            self._fill(instance, arguments)
        return instance

    @contextlib.contextmanager
    def _at_most(self, steps: int) -> Iterator[None]:
        """Allow some code a part of the work that is left; what is too much is left there."""
        allowed = min(steps, self._left)
        kept, self._left = self._left - allowed, allowed
        try:
            yield
        except SpentError:
            if not kept:
                raise
        finally:
            self._left += kept

    def _is_harmless(self, made: Class) -> bool:
        if made.node not in self._harmless:
            self._harmless[made.node] = not self.relevance.concerns(made.node)
        return self._harmless[made.node]

    def _fill(self, instance: Instance, arguments: Arguments) -> None:
        """Do what the ``__init__`` of a dataclass does; harmless for any other class."""
        annotated = (s for s in instance.made.node.body if isinstance(s, ast.AnnAssign))
        names = [s.target.id for s in annotated if isinstance(s.target, ast.Name)]
        instance.attributes.update(zip(names, arguments.positional, strict=False))
        instance.attributes.update(arguments.named)

    # Calls

    def call(self, callee: Value, arguments: Arguments, place: Place) -> Value:
        """Return what a call gives back."""
        match plain(callee):
            case Function() as function:
                return self._call(function, arguments, {})
            case Method(function, owner, bound_to):
                given = replace(arguments, positional=[bound_to, *arguments.positional])
                return self._call(function, given, {"__class__": owner, "__self__": bound_to})
            case Class() as made:
                return self._instance(made, arguments, place)
            case Applied(inner, positional, named):
                every = [*positional, *arguments.positional]
                given = Arguments(every, {**named, **arguments.named}, arguments.is_open)
                return self.call(inner, given, place)
            case OneOf(several):
                return one_of([self.call(one, arguments, place) for one in several[:8]])
            case Foreign(name):
                self.listener.called(name, arguments, place)
                return library.call(name, arguments, place, self)
            case Hole(name):
                self.listener.called(f".{name}", arguments, place)
                return UNKNOWN
            case Instance() as instance if "__call__" in self.classes.body(instance.made).names:
                return self.call(self.attribute(instance, "__call__"), arguments, place)
            case _:
                return UNKNOWN

    def _call(self, function: Function, arguments: Arguments, extra: Mapping[str, Value]) -> Value:
        node = function.node
        if len(self._stack) >= _MOST_CALLS or self._stack.count(node) > 1:
            return UNKNOWN
        around = function.within or self.world.module(function.file)
        scope = Scope(function.file, around)
        scope.names.update(extra)
        self._bind(node.args, arguments, scope, around or scope)
        self._stack.append(node)
        self.followed.add(node)
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body, scope)
            flow = execute(node.body, scope, self)
        except RecursionError:
            return UNKNOWN
        finally:
            self._stack.pop()
        if flow is not Flow.STOP:
            scope.returned.append(NONE)
        return one_of(scope.returned) if scope.returned else Opaque.ABSENT

    def _bind(
        self, parameters: ast.arguments, given: Arguments, scope: Scope, around: Scope
    ) -> None:
        names = [one.arg for one in (*parameters.posonlyargs, *parameters.args)]
        every = [*names, *(one.arg for one in parameters.kwonlyargs)]
        scope.names.update((name, Hole(name)) for name in every)
        for name, default in _defaults(parameters):
            if name not in given.named:
                scope.names[name] = self.evaluate(default, around)
        scope.names.update(zip(names, given.positional, strict=False))
        scope.names.update((name, given.named[name]) for name in every if name in given.named)
        if parameters.vararg:
            scope.names[parameters.vararg.arg] = Items(given.positional[len(names) :])
        if parameters.kwarg:
            rest = Table(is_callers=given.is_open)
            for name, value in given.named.items():
                if name not in every:
                    rest.put(Text(name), value)
            scope.names[parameters.kwarg.arg] = rest


def _defaults(parameters: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*parameters.posonlyargs, *parameters.args]
    given = positional[len(positional) - len(parameters.defaults) :]
    yield from zip((one.arg for one in given), parameters.defaults, strict=True)
    for one, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if default is not None:
            yield one.arg, default


def _is_meant(member: Value, wanted: Value) -> bool:
    wanted = plain(wanted)
    return member == wanted or (isinstance(member, Member) and member.value == wanted)


def _is_dict(name: str) -> bool:
    return name in ("builtins.dict", "collections.OrderedDict", "collections.UserDict")
