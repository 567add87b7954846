"""What is taken out of a value, by an index or by one of its methods."""

from __future__ import annotations

from hubmirror.hubconf.values import Class, Foreign, Opaque, Text, Value
from hubmirror.scanning import containers, paths, strings
from hubmirror.scanning.asking import Arguments, Machine
from hubmirror.scanning.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Items,
    Pattern,
    Table,
    asked,
    plain,
)

_PATH_METHODS = ("joinpath", "resolve", "absolute", "as_posix")


def at(base: Value, index: Value, machine: Machine) -> Value:
    """Return ``base[index]``."""
    match base, plain(index):
        case Table(is_callers=True) as table, Text(name) if table.get(index) is Opaque.ABSENT:
            return asked(name, None)
        case Table() as table, _:
            return containers.looked_up(table, index)
        case Items() as items, _:
            return containers.item(items, index)
        case Text() as text, _:
            return strings.character(text, index)
        case Class() as made, Text(name):  # the member of an Enum
            return machine.attribute(made, name)
        case Foreign("sys.path"), _:
            return Text("/")  # torch puts the repo first
        case Foreign(name), _ if not name.startswith("os.environ"):
            return base
        case _:
            return UNKNOWN


def method(owner: Value, name: str, given: Arguments) -> Value:
    """Do what a method of a string, list or dict does; ABSENT for any other owner."""
    match plain(owner):
        case Text(template) if name == "format":
            return strings.formatted(template, given.positional, given.named)
        case Text(path) if name in _PATH_METHODS:
            return paths.joined_paths([Text(path), *given.positional])
        case Text() | Pattern() as text:
            return strings.method(text, name, given.positional)
        case Items() as items:
            return containers.list_method(items, name, given.positional)
        case Table(is_callers=True) as table if _is_asked(table, name, given):
            return _asked(given)
        case Table() as table:
            return containers.table_method(table, name, given.positional, given.named)
        case _:
            return Opaque.ABSENT


def _is_asked(table: Table, name: str, given: Arguments) -> bool:
    wanted = given.positional[0] if given.positional else UNKNOWN
    is_one = name in ("get", "pop") and isinstance(wanted, Text)
    return is_one and table.get(wanted) is Opaque.ABSENT


def _asked(given: Arguments) -> Value:
    """Return what a caller may give by a name of which no parameter tells.

    Only names and switches: with numbers and layers no address is put together, and a model's
    constructor takes dozens of them.
    """
    name, *default = given.positional
    value = plain(default[0]) if default else NONE
    is_choice = isinstance(value, Text) or value in (TRUE, FALSE)
    return asked(name.text, value) if isinstance(name, Text) and is_choice else value


def is_lookup(owner: Value, name: str, given: Arguments) -> bool:
    """Tell whether a method looks up its first argument among the keys of a dict."""
    is_one = name in ("get", "pop", "setdefault") and bool(given.positional)
    return is_one and isinstance(plain(owner), Table)
