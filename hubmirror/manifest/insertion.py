"""Puts new entries into the text of a manifest without touching what its author wrote.

Knows nothing of what a manifest means: only where a list or mapping ends, and how its
neighbours are indented. Invariant: text is only inserted, but for an empty ``[]`` or ``null``,
which gives way to what is put in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hubmirror.manifest.nodes import ListNode, MapNode, ScalarNode

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_PLAIN_URL = re.compile(r"[a-z]+://[\w.~%/?&=+@:-]*[\w/]")
_PLAIN_CALL = re.compile(r"[A-Za-z_]\w*\([\w =.,'\"-]*\)")
_HEX = re.compile(r"[0-9a-f]{7,}")  # with luck it has a letter; people quote all of them
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})

Value: TypeAlias = "str | bool | Sequence[Item]"


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a list, with a comment that goes above it where comments can stand."""

    value: str | Mapping[str, Value]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    text: str


class Insertions:
    """Changes of one text, collected and then applied all at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._break = "\r\n" if "\r\n" in text else "\n"
        self._changes: list[_Change] = []

    def apply(self) -> str:
        """Return the text with all changes."""
        pieces, done = [], 0
        for change in sorted(self._changes, key=lambda one: one.start):
            pieces += [self._text[done : change.start], change.text]
            done = change.end
        return "".join([*pieces, self._text[done:]])

    def extend(
        self, mapping: MapNode, key: str, items: Sequence[Item], after: Sequence[str]
    ) -> None:
        """Add to the list under a key; where there is none, it comes after the keys ``after``."""
        held = mapping.fields.get(key)
        if not items:
            return
        if held is None:
            self.add(mapping, key, items, after)
        elif isinstance(held, ListNode) and held.items:
            self._lengthen(held, items)
        elif mapping.span.in_brackets:
            self._replace(held.span.start, held.span.end, _in_brackets(items))
        elif isinstance(held, ListNode | ScalarNode):
            start = len(self._text[: held.span.start].rstrip(" "))
            self._replace(start, held.span.end, "")
            self._below(held.span.end, _list_lines(items, _indent(mapping) + 2))

    def add(self, mapping: MapNode, key: str, value: Value, after: Sequence[str]) -> None:
        """Add a key that is not there, behind those of ``after`` that are."""
        if mapping.span.in_brackets:
            written = f"{json.dumps(key)}: {_in_brackets(value)}"
            ends = [node.span.end for node in mapping.fields.values()]
            self._into_brackets(mapping.span.start, ends, [written])
            return
        before = [mapping.fields[name] for name in after if name in mapping.fields]
        end = max((node.span.end for node in before), default=mapping.span.end)
        self._below(end, list(_key_lines(key, value, _indent(mapping))))

    def _lengthen(self, held: ListNode, items: Sequence[Item]) -> None:
        if held.span.in_brackets:
            written = [_in_brackets(item.value) for item in items]
            self._into_brackets(held.span.start, [node.span.end for node in held.items], written)
            return
        gaps = zip(held.items, held.items[1:], strict=False)
        between = [self._text[one.span.end : other.span.start] for one, other in gaps]
        is_airy = bool(between) and re.search(r"\n[ \t\r]*\n", between[-1]) is not None
        lines: list[str] = []
        for item in items:
            lines += [""] * is_airy + _list_lines([item], held.column - 1)
        self._below(held.span.end, lines)

    def _into_brackets(self, start: int, ends: Sequence[int], written: Sequence[str]) -> None:
        at = max(ends, default=start + 1)
        joined = ", ".join(written)
        self._replace(at, at, f", {joined}" if ends else joined)

    def _below(self, offset: int, lines: Sequence[str]) -> None:
        """Insert whole lines below the line of an offset."""
        end = self._text.find("\n", offset)
        if end < 0:
            text = "".join(f"{self._break}{line}" for line in lines)
            self._replace(len(self._text), len(self._text), text)
        else:
            self._replace(end + 1, end + 1, "".join(f"{line}{self._break}" for line in lines))

    def _replace(self, start: int, end: int, text: str) -> None:
        self._changes.append(_Change(start, end, text))


def _indent(mapping: MapNode) -> int:
    return mapping.column - 1


def _mapping_lines(mapping: Mapping[str, Value], indent: int) -> Iterator[str]:
    for key, value in mapping.items():
        yield from _key_lines(key, value, indent)


def _key_lines(key: str, value: Value, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(value, str | bool):
        yield f"{pad}{key}: {_scalar(value)}"
    elif all(_is_short(item) for item in value):
        yield f"{pad}{key}: [{', '.join(_scalar(str(item.value)) for item in value)}]"
    else:
        yield f"{pad}{key}:"
        yield from _list_lines(value, indent + 2)


def _is_short(item: Item) -> bool:
    return isinstance(item.value, str) and not item.remark and "(" not in item.value


def _list_lines(items: Sequence[Item], indent: int) -> list[str]:
    pad = " " * indent
    lines = []
    for item in items:
        lines += [f"{pad}# {_printable(line)}" for line in item.remark.splitlines()]
        if isinstance(item.value, str):
            lines.append(f"{pad}- {_scalar(item.value)}")
        else:
            inner = list(_mapping_lines(item.value, indent + 2))
            lines += [f"{pad}- {inner[0].lstrip()}", *inner[1:]]
    return lines


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _in_brackets(value: Value | Mapping[str, Value]) -> str:
    """Write a value as JSON, which is YAML wherever there are brackets."""
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)}: {_in_brackets(inner)}" for key, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    return "[" + ", ".join(_in_brackets(item.value) for item in value) + "]"


def _scalar(text: str | bool) -> str:
    """Write a string plainly where YAML reads it as one, else in double quotes."""
    if isinstance(text, bool):
        return json.dumps(text)
    is_odd = text.lower() in _WORDS or _HEX.fullmatch(text)
    if _PLAIN.fullmatch(text) and not is_odd:
        return text
    if _PLAIN_URL.fullmatch(text) or _PLAIN_CALL.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)
