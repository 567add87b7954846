"""YAML text as a tree in which every key and value knows its line and column.

The only user of PyYAML. Knows nothing of what a manifest means.
Invariant: a tree is bounded: its depth, and what its aliases expand to, are capped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import yaml

from hubmirror.errors import Fault
from hubmirror.manifest.nodes import ListNode, MapNode, Node, Odd, ScalarNode, Span, Tree
from hubmirror.manifest.syntax import MOST_DEPTH, TOO_DEEP, control_faults, explain, invalid

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_ALIASED = 100_000
_LONGEST_NUMBER = 1000
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null"))
_COLLECTION_TAGS = frozenset({None, "!", f"{_TAG}seq", f"{_TAG}map"})
_DATE = re.compile(r"\d{4}-\d")


def read_tree(text: str, *, file: str) -> Tree:
    """Read one YAML document.

    Raises:
        InvalidInputError: with the one fault, or the control characters, that stop the reading.
    """
    text = text.removeprefix("\ufeff")
    faults = control_faults(text, file)
    if not faults:
        builder = _Builder(file)
        try:
            builder.read(yaml.parse(text, Loader=_LOADER))
        except _Stop as stop:
            faults = [stop.fault]
        except yaml.YAMLError as error:
            faults = [explain(error, text, file)]
        else:
            if builder.root is not None and builder.root.value is not None:
                return Tree(builder.root, tuple(builder.faults))
            faults = [Fault(file, 1, 1, "empty; a manifest starts with `version: 1`")]
    raise invalid(file, faults)


class _Stop(Exception):  # noqa: N818 - not an error of its own: it carries one out of the loop
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class _Frame:
    node: ListNode | MapNode
    anchor: str | None
    end: int
    key: ScalarNode | None = None
    merged: list[tuple[ScalarNode, Node]] = field(default_factory=list)


class _Builder:
    """Builds the tree from events and not by ``yaml.compose``, whose recursion in C crashes."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._file = file
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._aliased = 0
        self._documents = 0
        self._resolver = yaml.resolver.Resolver()
        self._constructor = yaml.constructor.SafeConstructor()

    def read(self, events: Iterable[yaml.Event]) -> None:
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._add(self._scalar(event), event.anchor, _end(event))
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._open(event)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._close(event)
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    self._start_document(event)
                case _:
                    pass

    def _start_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            message = "a second document starts here (---); give each source a file of its own"
            raise _Stop(self._fault(event, message))

    def _open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        line, column = _place(event)
        if event.tag not in _COLLECTION_TAGS:
            raise _Stop(self._fault(event, _no_tag(event.tag)))
        if len(self._stack) >= MOST_DEPTH:
            raise _Stop(self._fault(event, TOO_DEEP))
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = ListNode(line, column) if is_list else MapNode(line, column)
        node.span = Span(_start(event), _end(event), bool(event.flow_style))
        self._stack.append(_Frame(node, event.anchor, _end(event)))

    def _close(self, event: yaml.Event) -> None:
        frame = self._stack.pop()
        self._merge(frame)
        span = frame.node.span  # without brackets, the event comes where the next thing starts
        end = _end(event) if span.in_brackets else frame.end
        frame.node.span = replace(span, end=end)
        self._add(frame.node, frame.anchor, end)

    def _add(self, node: Node, anchor: str | None, end: int) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        frame.end = end
        frame.node.weight += node.weight
        if isinstance(frame.node, ListNode):
            frame.node.items.append(node)
            frame.node.value.append(node.value)
        elif frame.key is None:
            frame.key = self._key(node)
        else:
            key, frame.key = frame.key, None
            if key.text == "<<":
                frame.merged.append((key, node))
            else:
                self._set(frame.node, key, node)

    def _key(self, node: Node) -> ScalarNode:
        if isinstance(node, ScalarNode):
            return node
        raise _Stop(Fault(self._file, node.line, node.column, "a key must be plain text"))

    def _set(self, mapping: MapNode, key: ScalarNode, node: Node) -> None:
        first = mapping.keys.get(key.text)
        if first is not None:
            message = f"{key.text!r} is here twice; the first is at line {first.line}"
            self.faults.append(Fault(self._file, key.line, key.column, message))
            return
        mapping.keys[key.text] = key
        mapping.fields[key.text] = node
        mapping.value[key.text] = node.value

    def _merge(self, frame: _Frame) -> None:
        """Do what ``<<: *anchor`` asks for: what the mapping says itself outranks it."""
        for key, merged in frame.merged:
            sources = merged.items if isinstance(merged, ListNode) else [merged]
            for source in sources:
                if not isinstance(source, MapNode) or not isinstance(frame.node, MapNode):
                    message = "<<: expected an alias of a mapping, such as `<<: *common`"
                    raise _Stop(Fault(self._file, key.line, key.column, message))
                for name, node in source.fields.items():
                    if name not in frame.node.fields:
                        self._set(frame.node, source.keys[name], node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = str(event.anchor)
        if any(frame.anchor == name for frame in self._stack):
            raise _Stop(self._fault(event, f"*{name} stands inside what it refers to"))
        node = self._anchors.get(name)
        if node is None:
            message = (
                f"*{name} refers to `&{name}`, which is not in this file above; "
                "text that starts with * needs quotes"
            )
            raise _Stop(self._fault(event, message))
        self._aliased += node.weight
        if self._aliased > _MOST_ALIASED:
            message = f"the aliases up to here stand for more than {_MOST_ALIASED:,} values"
            raise _Stop(self._fault(event, message))
        self._add(node, None, _end(event))

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        line, column = _place(event)
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._implicit_tag(event)
        elif tag not in _PLAIN_TAGS:
            raise _Stop(self._fault(event, _no_tag(tag)))
        span = Span(_start(event), _end(event))
        return ScalarNode(line, column, self._value(tag, event.value), event.value, span=span)

    def _implicit_tag(self, event: yaml.ScalarEvent) -> str:
        resolve: Callable[..., str] = self._resolver.resolve
        return resolve(yaml.ScalarNode, event.value, event.implicit)

    def _value(self, tag: str, text: str) -> str | int | float | bool | Odd | None:
        if tag == f"{_TAG}str":
            return text
        if tag not in _PLAIN_TAGS or len(text) > _LONGEST_NUMBER:
            return Odd("date" if _DATE.match(text) else "value")
        try:
            value = self._constructor.construct_object(yaml.ScalarNode(tag, text))
        except (yaml.YAMLError, ValueError, KeyError):
            return Odd("value")
        return value if isinstance(value, int | float | bool) else None

    def _fault(self, event: yaml.Event, message: str) -> Fault:
        return Fault(self._file, *_place(event), message)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _start(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0


def _no_tag(tag: str | None) -> str:
    shown = str(tag).replace(_TAG, "!!")
    return f"the tag {shown!r} means nothing here; text that starts with ! needs quotes"
