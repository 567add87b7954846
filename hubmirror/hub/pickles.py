"""Pickles of objects whose classes Python alone would not find again.

A pickle names a class by module and name. That fails for classes of a hubconf.py, whose module no
other process has, and for classes of an isolated repo, whose modules ``sys.modules`` does not
show at rest. Their instances are pickled as a reference to the repo's folder instead, while
what else is in them goes as always. Where the plain name leads to the class, it is kept.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

_MARK = "__hubmirror_home__"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a class comes from: a module of a repo's folder."""

    folder: str
    is_isolated: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A class or function of a repo, by name."""

    home: Home
    module: str
    name: str


def teach(module: ModuleType, folder: Path, *, is_isolated: bool) -> None:
    """Let the instances of a module's classes be pickled in a way that finds them again."""
    home = Home(str(folder), is_isolated)
    for owned in _classes(vars(module), module.__name__):
        setattr(owned, _MARK, home)
        original: Any = owned.__reduce_ex__
        if not isinstance(original, _Reducer):
            setattr(owned, "__reduce_ex__", _Reducer(original))  # noqa: B010 - mypy knows better


def _classes(names: Any, module: str) -> Iterator[type]:
    for value in list(names.values()):
        if isinstance(value, type) and value.__module__ == module and _MARK not in vars(value):
            yield value
            yield from _classes(vars(value), module)


class _Reducer:
    """Stands for a class's own ``__reduce_ex__``, and puts references into what it says."""

    def __init__(self, original: Callable[[Any, int], Any]) -> None:
        self._original = original

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, instance: Any, protocol: int) -> Any:
        reduced = self._original(instance, max(protocol, 2))
        if not isinstance(reduced, tuple):  # the name of a global
            return reduced
        function, arguments, *rest = reduced
        referring = tuple(map(_referring, (function, *arguments)))
        if not any(isinstance(value, Reference) for value in referring):
            return reduced
        return (restored, referring, *rest)


def _referring(value: Any) -> Any:
    if isinstance(value, type):
        home = vars(value).get(_MARK)
        if home is not None and not _is_found(value):
            return Reference(home, value.__module__, value.__qualname__)
    return value


def _is_found(value: type) -> bool:
    """Tell whether any process that can import the class's module finds the class there."""
    found: Any = sys.modules.get(value.__module__)
    if found is None or value.__module__.startswith("_hubmirror_"):
        return False
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def restored(function: Any, *arguments: Any) -> Any:
    """Make what a pickle says, with the references in it followed."""
    return _followed(function)(*map(_followed, arguments))


def _followed(value: Any) -> Any:
    if not isinstance(value, Reference):
        return value
    from hubmirror.hub import hubconfs  # it uses this module

    found: Any = hubconfs.module(value.home, value.module)
    for part in value.name.split("."):
        found = getattr(found, part)
    return found
