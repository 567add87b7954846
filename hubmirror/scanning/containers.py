"""What happens to lists and dicts: looked up, gone through, changed.

Invariant: a container that something unknown was put into is open from then on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hubmirror.hubconf.values import Opaque, Text, Value
from hubmirror.scanning.paths import matches
from hubmirror.scanning.values import (
    MOST_ITEMS,
    MOST_OPTIONS,
    NONE,
    UNKNOWN,
    Argument,
    Hole,
    Items,
    Known,
    Pattern,
    Table,
    key,
    one_of,
    options,
    plain,
    same,
)


def looked_up(table: Table, name: Value) -> Value:
    """Return ``table[name]``: everything that it may be, where the key is not known.

    What a caller may choose is not looked up: each key is tried in a run of its own.
    """
    if isinstance(name, Argument) and isinstance(plain(name), Hole) and not table.is_open:
        return UNKNOWN
    found = [_one(table, option) for option in options(name)]
    return one_of(found) if len(found) > 1 else found[0]


def _one(table: Table, name: Value) -> Value:
    if isinstance(name, Pattern):
        texts = [n.text for n, _ in table.entries.values() if isinstance(n, Text)]
        fitting = [table.get(Text(text)) for text in matches(name, texts)]
        return one_of(fitting, is_mixed=True) if fitting else UNKNOWN
    if key(name) is None or isinstance(plain(name), Opaque | Hole):
        values = [value for _, value in table.entries.values()]
        return one_of(values, is_mixed=True) if values else UNKNOWN
    held = table.get(name)
    return UNKNOWN if held is Opaque.ABSENT else held


def item(items: Items, index: Value) -> Value:
    """Return ``items[index]``."""
    match plain(index):
        case Known(int() as number):
            is_there = -len(items.items) <= number < len(items.items)
            return items.items[number] if is_there else UNKNOWN
        case _:
            return one_of(items.items, is_mixed=True) if items.items else UNKNOWN


def sliced(items: Items, start: Value, stop: Value, step: Value) -> Value:
    """Return ``items[start:stop:step]``."""
    bounds: list[int | None] = []
    for bound in map(plain, (start, stop, step)):
        if not isinstance(bound, Known) or not isinstance(bound.value, int | None):
            return Items(list(items.items), is_open=True)
        bounds.append(bound.value)
    return UNKNOWN if bounds[2] == 0 else Items(items.items[slice(*bounds)], items.is_open)


def elements(value: Value) -> list[Value] | None:
    """Return what a loop over a value goes through, None where that is not known."""
    match plain(value):
        case Items(items, is_open) if items or not is_open:
            return list(items)
        case Table(entries, is_open) if entries or not is_open:
            return [name for name, _ in entries.values()]
        case Text(text) if len(text) <= MOST_ITEMS:
            return [Text(character) for character in text]
        case _:
            return None


def is_open(value: Value) -> bool:
    """Tell whether a container has more in it than what is known."""
    value = plain(value)
    return isinstance(value, Items | Table) and value.is_open


def contains(container: Value, wanted: Value) -> bool | None:
    """Tell whether ``wanted in container``, None where that cannot be told.

    What a caller may choose is in none: each thing that is, is tried in a run of its own.
    """
    if isinstance(wanted, Hole):
        return None
    match plain(container), plain(wanted):
        case Text(text), Text(part):
            return part in text
        case Table() as table, one:
            found = key(one)
            if found is None or isinstance(one, Pattern | Opaque):
                return None
            return found in table.entries or (None if table.is_open or table.is_callers else False)
        case Items(items, is_open), one:
            verdicts = [same(each, one) for each in items]
            if True in verdicts:
                return True
            return None if is_open or None in verdicts or isinstance(one, Pattern) else False
        case _:
            return None


def choices(container: Value) -> tuple[Value, ...]:
    """Return the values that a test of membership leaves to choose from; none where not known."""
    match plain(container):
        case Items(items, is_open=False):
            return tuple(plain(one) for one in items[:MOST_OPTIONS])
        case Table(entries, is_open=False):
            pairs = itertools.islice(entries.values(), MOST_OPTIONS)
            return tuple(name for name, _ in pairs)
        case _:
            return ()


def list_method(owner: Items, name: str, arguments: Sequence[Value]) -> Value:
    """Do what a method of a list, tuple or set does, for its effect too."""
    first = arguments[0] if arguments else UNKNOWN
    match name:
        case "append" | "add" | "insert" if arguments:
            _add(owner, [arguments[-1]])
        case "extend" | "update":
            _add(owner, elements(first))
        case "copy" | "union" | "intersection" | "difference":
            return Items(list(owner.items), owner.is_open)
        case "pop" if owner.items:
            return item(owner, first if arguments else Known(-1))
        case "index" | "count" | "remove" | "clear" | "sort" | "reverse" | "discard" | "pop":
            return UNKNOWN
        case _:
            return UNKNOWN
    return NONE


def _add(owner: Items, more: list[Value] | None) -> None:
    if more is None or len(owner.items) + len(more) > MOST_ITEMS:
        owner.is_open = True
    else:
        owner.items += more


def table_method(
    owner: Table, name: str, arguments: Sequence[Value], named: dict[str, Value]
) -> Value:
    """Do what a method of a dict does, for its effect too."""
    first = arguments[0] if arguments else UNKNOWN
    default = arguments[1] if len(arguments) > 1 else NONE
    held = list(owner.entries.values())
    match name:
        case "get" | "pop" | "setdefault" if arguments:
            return _get(owner, name, first, default)
        case "items":
            return Items([Items([one, value]) for one, value in held], owner.is_open)
        case "keys":
            return Items([one for one, _ in held], owner.is_open)
        case "values":
            return Items([value for _, value in held], owner.is_open)
        case "copy":
            return Table(dict(owner.entries), owner.is_open)
        case "update":
            _update(owner, first if arguments else Table(), named)
            return NONE
        case _:
            return UNKNOWN


def _get(owner: Table, name: str, first: Value, default: Value) -> Value:
    is_there = contains(owner, first)
    if name == "setdefault" and is_there is False:
        owner.put(first, default)
    found = looked_up(owner, first) if is_there is not False else default
    if name == "pop" and is_there:
        owner.entries.pop(key(first), None)
    return one_of([found, default]) if is_there is None and name != "pop" else found


def _update(owner: Table, other: Value, named: dict[str, Value]) -> None:
    match plain(other):
        case Table() as table:
            owner.merge(table)
        case Items(items, is_open=False):
            for pair in map(plain, items):
                if isinstance(pair, Items) and len(pair.items) == 2:
                    owner.put(*pair.items)
        case _:
            owner.is_open = True
    for word, value in named.items():
        owner.put(Text(word), value)


def made(kind: str, arguments: Sequence[Value], named: dict[str, Value]) -> Value:
    """Do what calling ``dict``, ``list``, ``tuple``, ``set`` or ``sorted`` does."""
    first = plain(arguments[0]) if arguments else None
    if kind == "dict":
        table = Table()
        _update(table, first if first is not None else Table(), named)
        return table
    if first is None:
        return Items([])
    held = elements(first)
    return Items(held or [], is_open=held is None or is_open(first))


def zipped(arguments: Sequence[Value]) -> Value:
    """Do what ``zip`` does."""
    columns = [elements(argument) for argument in arguments]
    if any(column is None for column in columns):
        return UNKNOWN
    rows = zip(*(column for column in columns if column is not None), strict=False)
    return Items([Items(list(row)) for row in rows])


def numbered(arguments: Sequence[Value]) -> Value:
    """Do what ``enumerate`` does."""
    held = elements(arguments[0]) if arguments else None
    if held is None:
        return UNKNOWN
    return Items([Items([Known(index), one]) for index, one in enumerate(held)])


def ranged(arguments: Sequence[Value]) -> Value:
    """Do what ``range`` does."""
    numbers = [one.value for one in map(plain, arguments) if isinstance(one, Known)]
    whole = [number for number in numbers if isinstance(number, int)]
    if not whole or len(whole) < len(arguments) or len(whole) > 3 or whole[2:] == [0]:
        return UNKNOWN
    return Items([Known(number) for number in range(*whole)[:MOST_ITEMS]])
