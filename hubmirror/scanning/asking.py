"""What following code asks of the repo around it, and whom it tells; nothing of it raises.

Only ``SpentError`` comes through, when a repo causes more work than it may.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from hubmirror.hubconf.values import Opaque, Scope, Value, World
from hubmirror.scanning.findings import Place


class SpentError(Exception):
    """A repo caused more work than it may."""


@dataclass(slots=True)
class Arguments:
    """What a call gives; an open one is a caller's, who may give more by name."""

    positional: list[Value] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)
    is_open: bool = False

    def at(self, index: int, name: str) -> Value:
        """Return an argument by its place or its name, ABSENT when it is not given."""
        if name in self.named:
            return self.named[name]
        return self.positional[index] if index < len(self.positional) else Opaque.ABSENT


class Flow(Enum):
    """Where code goes on after some statements."""

    NEXT = "the statement below"
    CONTINUE = "the next round of the loop"
    BREAK = "behind the loop"
    STOP = "out of the function"


class Listener(Protocol):
    """Who is told of what the code does; called while it is followed, so it must not raise."""

    def called(self, name: str, arguments: Arguments, place: Place) -> None:
        """Code calls something of an installed package."""

    def wrote(self, text: str, place: Place) -> None:
        """Code has a string with an address in it."""

    def chose(self, argument: str, choices: Sequence[Value]) -> None:
        """Code compares what a caller may choose with these."""

    def imported(self, module: Value) -> None:
        """Code imports a module by a name that it puts together."""


class Machine(Protocol):
    """One repo's code, and what is known of it so far."""

    listener: Listener

    @property
    def world(self) -> World:
        """The modules of the repo."""

    def step(self, cost: int = 1) -> None:
        """Spend some steps, or raise ``SpentError``."""

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return what an expression stands for."""

    def resolve(self, value: Value) -> Value:
        """Follow imports, of every option."""

    def attribute(self, base: Value, name: str) -> Value:
        """Return what ``base.name`` stands for."""

    def call(self, callee: Value, arguments: Arguments, place: Place) -> Value:
        """Return what a call gives back."""

    def class_of(self, value: Value) -> Value:
        """Return what ``type(value)`` is, where that is a class of the repo."""
