"""What a YAML text is made of, as values that know their places.

Knows nothing of YAML's syntax, nor of what a manifest means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from hubmirror.errors import Fault


@dataclass(frozen=True, slots=True)
class Odd:
    """A scalar that YAML reads as something no manifest has a use for, such as a date."""

    what: str


@dataclass(frozen=True, slots=True)
class Span:
    """The characters that a node takes: up to its last value, or its closing bracket."""

    start: int = 0
    end: int = 0
    in_brackets: bool = False


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A value in one piece; ``text`` is how it was written, without quotes."""

    line: int
    column: int
    value: str | int | float | bool | Odd | None
    text: str
    weight: int = 1
    span: Span = Span()


@dataclass(slots=True)
class ListNode:
    """A list; ``value`` is the same as plain Python."""

    line: int
    column: int
    value: list[object] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    weight: int = 1
    span: Span = Span()


@dataclass(slots=True)
class MapNode:
    """A mapping; ``keys`` has the place of each key."""

    line: int
    column: int
    value: dict[str, object] = field(default_factory=dict)
    fields: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, ScalarNode] = field(default_factory=dict)
    weight: int = 1
    span: Span = Span()


Node: TypeAlias = ScalarNode | ListNode | MapNode


@dataclass(frozen=True, slots=True)
class Tree:
    """A text that is YAML; ``faults`` are those of its keys, which do not stop the reading."""

    root: Node
    faults: tuple[Fault, ...]


def locate(root: Node, path: Iterable[str | int]) -> Node:
    """Return the node at a path of keys and indexes, or the deepest on the way that exists."""
    node = root
    for part in path:
        if isinstance(node, MapNode) and isinstance(part, str) and part in node.fields:
            node = node.fields[part]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            break
    return node
