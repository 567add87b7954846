"""Follows each entrypoint with its defaults, then with every choice that its own code offers.

Owns: which calls are tried. An argument's choices are what its annotation lists and what the
code compares it with; a combination is tried as long as each step of it led to something new.
"""

from __future__ import annotations

import ast
import contextlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hubmirror.hubconf.values import Class, Function, Scope, Text, Value
from hubmirror.scanning.asking import Arguments, SpentError
from hubmirror.scanning.collecting import Collector
from hubmirror.scanning.findings import Call, Confidence, Place
from hubmirror.scanning.machine import RepoMachine
from hubmirror.scanning.values import (
    Applied,
    Argument,
    Hole,
    Instance,
    Items,
    Known,
    Member,
    Method,
    Pattern,
    key,
    plain,
)

_MOST_RUNS = 160  # of one entrypoint
_MOST_CHOICES = 48  # of one argument
_MOST_FUTILE = 2  # values of one of ``**kwargs`` that lead to nothing; the first may be its default
_NO_NAME = Pattern(())
_STEPS_OF_A_RUN = 120_000
_STEPS_OF_A_SWEEP = 20_000

Chosen = Mapping[str, Value]
Choices = Mapping[str, Mapping[object, Value]]


@dataclass(slots=True)
class Budget:
    """The work that all of a repo may cause, in steps."""

    left: int = 6_000_000

    def take(self, most: int) -> int:
        """Return how much of ``most`` may be spent."""
        return max(0, min(most, self.left))


def explore(
    name: str, value: Value, machine: RepoMachine, collector: Collector, budget: Budget
) -> None:
    """Follow one entrypoint, call by call."""
    explorer = _Explorer(name, value, machine, collector, budget)
    explorer.run()


def sweep(
    function: Function | Method, machine: RepoMachine, collector: Collector, budget: Budget
) -> None:
    """Follow a function that no entrypoint was seen to call, for nobody in particular."""
    collector.begin(None, Confidence.LIKELY)
    parameters = _known_parameters(function, machine)
    given = _given(parameters, {})
    given = Arguments(list(map(plain, given.positional)), _plain(given.named))
    _follow(function, given, machine, budget, _STEPS_OF_A_SWEEP)


def _plain(named: Mapping[str, Value]) -> dict[str, Value]:
    """Leave out that a caller may choose these: nobody does in a sweep."""
    return {name: plain(value) for name, value in named.items()}


class _Explorer:
    def __init__(
        self,
        name: str,
        value: Value,
        machine: RepoMachine,
        collector: Collector,
        budget: Budget,
    ) -> None:
        self._name = name
        self._value = value
        self._machine = machine
        self._collector = collector
        self._budget = budget
        self._parameters = _known_parameters(value, machine)
        self._defaults = {one.name: one.default for one in self._parameters}

    def run(self) -> None:
        waiting: deque[Chosen] = deque([{}])
        tried: set[frozenset[object]] = {frozenset()}
        found: set[object] = set()
        futile: Counter[str] = Counter()
        offered: dict[str, frozenset[object]] = {}
        for _ in range(_MOST_RUNS):
            if not waiting or not self._budget.left:
                return
            chosen = waiting.popleft()
            if any(futile[name] >= _MOST_FUTILE for name in chosen):
                continue
            choices = self._run(chosen)
            is_new = any(offered.get(name) != frozenset(held) for name, held in choices.items())
            has_led_on = is_new or bool(self._collector.seen - found)
            found |= self._collector.seen
            if chosen and not has_led_on:
                futile.update(chosen.keys() - self._defaults.keys())  # of ``**kwargs``
                continue
            for argument, values in choices.items():
                offered.setdefault(argument, frozenset(values))
            for more in self._further(chosen, choices):
                identity = frozenset((name, key(value)) for name, value in more.items())
                if identity not in tried:
                    tried.add(identity)
                    waiting.append(more)

    def _further(self, chosen: Chosen, choices: Choices) -> Iterator[Chosen]:
        """Go through what can be chosen in addition."""
        for argument, values in choices.items():
            listed = [one for one in values.values() if not isinstance(one, Pattern)]
            for value in (listed or list(values.values()))[:_MOST_CHOICES]:
                is_open = isinstance(chosen.get(argument, _NO_NAME), Pattern)
                if is_open and value != self._defaults.get(argument):
                    yield {**chosen, argument: value}

    def _run(self, chosen: Chosen) -> Choices:
        level = Confidence.LIKELY if chosen else Confidence.CERTAIN
        self._collector.begin(_call(self._name, chosen), level)
        for parameter in self._parameters:
            self._collector.chose(parameter.name, parameter.members)
        given = _given(self._parameters, chosen)
        _follow(self._value, given, self._machine, self._budget, _STEPS_OF_A_RUN)
        return self._collector.choices


def _given(parameters: Sequence[_Parameter], chosen: Chosen) -> Arguments:
    given = Arguments(is_open=True)
    known = {parameter.name for parameter in parameters}
    for name in chosen.keys() - known:
        given.named[name] = Argument(name, chosen[name])
    for parameter in parameters:
        value = parameter.argument(chosen)
        if parameter.is_positional:
            given.positional.append(value)
        else:
            given.named[parameter.name] = value
    return given


def _follow(
    value: Value, given: Arguments, machine: RepoMachine, budget: Budget, most: int
) -> None:
    allowed = budget.take(most)
    machine.restart(allowed)
    with contextlib.suppress(SpentError, RecursionError):
        machine.call(value, given, Place("", 0))
    budget.left -= allowed - machine.left


@dataclass(frozen=True, slots=True)
class _Parameter:
    """What a caller may give."""

    name: str
    default: Value | None
    is_positional: bool
    is_switch: bool
    members: tuple[Value, ...]

    def argument(self, chosen: Chosen) -> Value:
        if self.name in chosen:
            return Argument(self.name, chosen[self.name])
        if self.is_switch:
            return Argument(self.name, Hole(self.name), is_switch=True)
        return Argument(self.name, Hole(self.name) if self.default is None else self.default)


def _known_parameters(value: Value, machine: RepoMachine) -> list[_Parameter]:
    """Return what a caller may give; none where telling it is too much work."""
    machine.restart(_STEPS_OF_A_SWEEP)
    with contextlib.suppress(SpentError, RecursionError):
        return list(_parameters(value, machine))
    return []


def _parameters(value: Value, machine: RepoMachine) -> Iterator[_Parameter]:
    function, skipped = _function(value, machine)
    if function is None:
        return
    around = function.within or machine.world.module(function.file) or Scope(function.file)
    arguments = function.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += arguments.defaults
    every = [*zip(positional, defaults, strict=True)][skipped:]
    every += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    for one, default in every:
        held = None if default is None else plain(machine.evaluate(default, around))
        is_bool = isinstance(held, Known) and isinstance(held.value, bool)
        yield _Parameter(
            name=one.arg,
            default=held,
            is_positional=one in arguments.posonlyargs,
            is_switch=is_bool or (held is None and _says_bool(one.annotation)),
            members=tuple(_listed(one.annotation, around, machine)),
        )


def _function(value: Value, machine: RepoMachine) -> tuple[Function | None, int]:
    """Return the function that a call enters, and how many parameters are not the caller's."""
    match plain(value):
        case Function() as function:
            return function, 0
        case Method(function):
            return function, 1
        case Class() as made:
            found = machine.attribute(Instance(made), "__init__")
            return (found.function, 1) if isinstance(found, Method) else (None, 0)
        case Applied(inner, positional, named):
            within, skipped = _function(inner, machine)
            return (None, 0) if named else (within, skipped + len(positional))
        case _:
            return None, 0


def _says_bool(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "bool"


def _listed(annotation: ast.expr | None, around: Scope, machine: RepoMachine) -> Iterator[Value]:
    """Go through the values that an annotation lists: of ``Literal``, and of Enums."""
    if annotation is None:
        return
    for node in ast.walk(annotation):
        match node:
            case ast.Subscript(
                value=ast.Name(id="Literal") | ast.Attribute(attr="Literal"), slice=inside
            ):
                listed = machine.evaluate(inside, around)
                yield from listed.items if isinstance(listed, Items) else [listed]
            case ast.Name() | ast.Attribute():
                found = plain(machine.evaluate(node, around))
                yield from machine.classes.members(found) if isinstance(found, Class) else ()
            case _:
                pass


def _call(name: str, chosen: Chosen) -> Call:
    return Call(name, tuple(f"{word}={_written(value)}" for word, value in chosen.items()))


def _written(value: Value) -> str:
    match plain(value):
        case Text(text):
            return repr(text)
        case Known(known):
            return repr(known)
        case Member(name=name):
            return repr(name)
        case _:
            return "..."
