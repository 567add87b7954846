"""Goes through the rounds of comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from hubmirror.hubconf.values import Scope, Value
from hubmirror.scanning import containers
from hubmirror.scanning.asking import Machine
from hubmirror.scanning.values import UNKNOWN, truth

_MOST_ROUNDS = 500


class Rounds:
    """The rounds of a comprehension; open when there may be more of them."""

    def __init__(self, machine: Machine) -> None:
        self.is_open = False
        self._machine = machine

    def of(self, generators: Sequence[ast.comprehension], around: Scope) -> Iterator[Scope]:
        """Open a scope for each round; one where the rounds are not known."""
        first, *rest = generators
        iterated = self._machine.evaluate(first.iter, around)
        held = containers.elements(iterated)
        self.is_open = self.is_open or held is None or containers.is_open(iterated)
        for element in [UNKNOWN] if held is None else held[:_MOST_ROUNDS]:
            scope = around.branch()
            _bind(first.target, element, scope)
            tests = (truth(self._machine.evaluate(test, scope)) for test in first.ifs)
            if False in tests:
                continue
            if rest:
                yield from self.of(rest, scope)
            else:
                yield scope


def _bind(target: ast.expr, value: Value, scope: Scope) -> None:
    match target:
        case ast.Name(id=name):
            scope.bind(name, value)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            held = containers.elements(value)
            is_known = held is not None and len(held) == len(targets)
            for index, inner in enumerate(targets):
                _bind(inner, held[index] if held is not None and is_known else UNKNOWN, scope)
        case _:
            pass
