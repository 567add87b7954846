"""What functions of Python and of installed packages give back, as far as URLs need it.

Opens nothing and runs nothing of a repo. What is not known here gives a value of which only
its origin is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hubmirror.hubconf.values import (
    Class,
    Foreign,
    Function,
    Imported,
    Module,
    Opaque,
    Text,
    Value,
)
from hubmirror.scanning import containers, paths
from hubmirror.scanning.asking import Arguments, Machine
from hubmirror.scanning.conversions import CONVERSIONS
from hubmirror.scanning.findings import Place
from hubmirror.scanning.values import (
    NONE,
    UNKNOWN,
    Applied,
    Argument,
    Hole,
    Instance,
    Items,
    Known,
    Member,
    Pattern,
    Table,
    one_of,
    options,
    plain,
)

_LONGEST_NAME = 200
_PATH_JOINS = frozenset(
    {"os.path.join", "posixpath.join", "pathlib.Path", "pathlib.PurePath", "pathlib.PurePosixPath"}
)
_SAME = frozenset(
    {
        *("os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expanduser"),
        *(
            "urllib.request.Request",
            "os.fspath",
            "copy.copy",
            "copy.deepcopy",
            "typing.cast",
            "builtins.iter",
        ),
        *("builtins.open", "io.open", "omegaconf.OmegaConf.create", "urllib.parse.unquote"),
    }
)
_DICTS = frozenset(
    {"builtins.dict", "collections.OrderedDict", "types.SimpleNamespace", "easydict.EasyDict"}
)
_LISTS = frozenset(
    {
        "builtins.list",
        "builtins.tuple",
        "builtins.set",
        "builtins.frozenset",
        "builtins.sorted",
        "builtins.reversed",
        "collections.deque",
    }
)
_PARTIALS = frozenset({"functools.partial", "functools.partialmethod"})
_IMPORTS = frozenset({"importlib.import_module", "builtins.__import__"})
_TYPES: Mapping[str, tuple[type, ...]] = {
    "builtins.str": (Text, Pattern),
    "builtins.dict": (Table,),
    "builtins.list": (Items,),
    "builtins.tuple": (Items,),
    "builtins.set": (Items,),
}
_NUMBERS: Mapping[str, tuple[type, ...]] = {
    "builtins.int": (int,),
    "builtins.bool": (bool,),
    "builtins.float": (float,),
}


def call(name: str, given: Arguments, place: Place, machine: Machine) -> Value:
    """Return what a function of an installed package gives back."""
    arguments = given.positional
    first = arguments[0] if arguments else UNKNOWN
    if name in CONVERSIONS:
        return CONVERSIONS[name](arguments)
    if name in _PATH_JOINS:
        return paths.joined_paths(arguments)
    if name in _SAME and arguments:
        return arguments[-1] if name == "typing.cast" else first
    if name in _DICTS:
        return made_dict(given)
    if name in _LISTS:
        return containers.made("list", arguments, {})
    if name in _PARTIALS and arguments:
        return Applied(first, tuple(arguments[1:]), dict(given.named))
    if name in _IMPORTS and arguments:
        return _imported(first, place, machine)
    if name in _WITH_MACHINE:
        return _WITH_MACHINE[name](arguments, machine)
    return Foreign(f"{name}()" if name and len(name) < _LONGEST_NAME else "")


def made_dict(given: Arguments) -> Value:
    """Return the table that a call of ``dict`` makes."""
    return containers.made("dict", given.positional, given.named)


def _imported(name: Value, place: Place, machine: Machine) -> Value:
    machine.listener.imported(name)
    match plain(name):
        case Text(module) if module and not module.startswith("."):
            return machine.resolve(Imported(place.file, place.line, 0, module))
        case _:
            return UNKNOWN


# Attributes by name, and types


def _getattr(arguments: Sequence[Value], machine: Machine) -> Value:
    match [plain(one) for one in arguments]:
        case [Known(), Text(), default]:
            return default
        case [base, Text(name), *rest]:
            value = machine.attribute(base, name)
            is_known = not isinstance(value, Opaque | Hole)
            return value if is_known or not rest else one_of([value, *rest])
        case [Module() as module, Pattern() | Argument(), *_]:
            return machine.attribute(module, "__dict__")
        case _:
            return UNKNOWN


def _setattr(arguments: Sequence[Value], _: Machine) -> Value:
    match [plain(one) for one in arguments]:
        case [Instance() as instance, Text(name), value]:
            instance.attributes[name] = value
        case _:
            pass
    return NONE


def _hasattr(arguments: Sequence[Value], _: Machine) -> Value:
    match [plain(one) for one in arguments]:
        case [Table() as table, Text() as name]:
            found = containers.contains(table, name)
            return UNKNOWN if found is None else Known(found)
        case _:
            return UNKNOWN


def _vars(arguments: Sequence[Value], machine: Machine) -> Value:
    match [plain(one) for one in arguments]:
        case [Module() as module]:
            return machine.attribute(module, "__dict__")
        case _:
            return Table(is_open=True)


def _isinstance(arguments: Sequence[Value], machine: Machine) -> Value:
    if len(arguments) != 2:
        return UNKNOWN
    asked_of = arguments[0]
    kinds = plain(arguments[1])
    several = list(kinds.items) if isinstance(kinds, Items) else [kinds]
    verdicts = {
        any(found) if None not in found else None
        for one in options(arguments[0])
        for found in [{_is_of(one, plain(kind)) for kind in several}]
    }
    verdict = verdicts.pop() if len(verdicts) == 1 else None
    if isinstance(asked_of, Argument) and verdict is False and Foreign("builtins.str") in several:
        machine.listener.chose(asked_of.name, [Pattern((Hole(asked_of.name),))])
    return UNKNOWN if verdict is None else Known(verdict)


def _is_of(value: Value, kind: Value) -> bool | None:
    match value, kind:
        case Known(known), Foreign(name) if name in _NUMBERS:
            return isinstance(known, _NUMBERS[name])
        case ((Text() | Pattern() | Known() | Items() | Table() | Member()), Foreign(name)):
            return isinstance(value, _TYPES[name]) if name in _TYPES else None
        case Member(file=file, line=line), Class() as made:
            return (file, line) == (made.file, made.node.lineno)
        case Instance(made), Class() as other:
            return True if made.node is other.node else None
        case ((Text() | Known() | Items() | Table()), Class()):
            return False
        case _:
            return None


def _type(arguments: Sequence[Value], machine: Machine) -> Value:
    match [plain(one) for one in arguments]:
        case [Text()]:
            return Foreign("builtins.str")
        case [one]:
            return machine.class_of(one)
        case _:
            return UNKNOWN


def _callable(arguments: Sequence[Value], _: Machine) -> Value:
    is_known = arguments and isinstance(plain(arguments[0]), Function | Class)
    return Known(True) if is_known else UNKNOWN


def _map(arguments: Sequence[Value], machine: Machine) -> Value:
    held = containers.elements(arguments[1]) if len(arguments) == 2 else None
    if held is None or len(held) > 200:
        return UNKNOWN
    place = Place("", 0)
    return Items([machine.call(arguments[0], Arguments([one]), place) for one in held])


_WITH_MACHINE: Mapping[str, Callable[[Sequence[Value], Machine], Value]] = {
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "builtins.vars": _vars,
    "builtins.isinstance": _isinstance,
    "builtins.type": _type,
    "builtins.callable": _callable,
    "builtins.map": _map,
}
