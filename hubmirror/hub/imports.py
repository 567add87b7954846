"""Imports of isolated repos: each statement finds the modules of the repo that it stands in.

Owns: the one stage of this process, and the realms on it. A module of a realm has
``__builtins__`` of its own, whose ``__import__`` knows the realm; so nobody else's imports are
touched, and no caller needs to be guessed. Only ``importlib.import_module``, which belongs to
everybody, asks who calls, and only for names that a realm has.
While a realm is shown, one more hook answers everybody else: the process's own code.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from hubmirror.hub import scope
from hubmirror.hub.realms import Realm, Stage

_bootstrap: Any = importlib._bootstrap  # noqa: SLF001 - Python's own
_realms: dict[Path, Realm] = {}
_realm_of_builtins: dict[int, Realm] = {}
# Code in these asks for modules on behalf of its callers.
_LIBRARIES = (
    os.path.dirname(os.__file__) + os.sep,  # noqa: PTH120 - prefixes of strings
    os.path.dirname(os.path.dirname(__file__)) + os.sep,  # noqa: PTH120
    "<",
)


@dataclass(slots=True)
class _Python:
    """What imports when nobody of ours does: Python itself, or what a debugger put there."""

    statement: Callable[..., Any]


_python = _Python(builtins.__import__)
_gcd_import: Callable[[str, str | None, int], ModuleType] = _bootstrap._gcd_import  # noqa: SLF001


def open_realm(
    folder: Path, names: Iterable[str], on_module: Callable[[ModuleType], None]
) -> Realm:
    """Return the realm of a repo: the same one as long as this process lives.

    Args:
        folder: Where its hubconf.py lies.
        names: Its top-level modules and packages.
        on_module: Called with every module of it that was loaded.
    """
    if folder not in _realms:
        realm = Realm(folder, frozenset(names), on_module)
        realm.builtins = vars(builtins) | {"__import__": _importer(realm)}
        _realm_of_builtins[id(realm.builtins)] = realm
        _realms[folder] = realm
        _bootstrap._gcd_import = _import_module  # noqa: SLF001 - what import_module calls
    return _realms[folder]


def realm_at(folder: Path) -> Realm | None:
    """Return the realm of a repo, if it is isolated in this process."""
    return _realms.get(folder)


class RealmLoader(SourceFileLoader):
    """Loads a source file as a module of a realm."""

    def __init__(self, realm: Realm, name: str, path: str) -> None:
        super().__init__(name, path)
        self._realm = realm

    def exec_module(self, module: ModuleType) -> None:
        """Run the file, with imports that find the realm's modules."""
        vars(module)["__builtins__"] = self._realm.builtins
        super().exec_module(module)
        self._realm.on_module(module)


class _Finder:
    """Finds the modules of the realm that is shown, before anybody else looks."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, _: ModuleType | None = None
    ) -> ModuleSpec | None:
        realm = stage.shown
        if realm is None or not realm.has(name):
            return None
        spec = PathFinder.find_spec(name, realm.search_path() if path is None else path)
        if spec is None:
            return None
        if type(spec.loader) is SourceFileLoader:
            spec.loader = RealmLoader(realm, spec.loader.name, spec.loader.path)
        elif spec.loader is None:  # Python would go on asking sys.path where the package is
            spec.submodule_search_locations = list(spec.submodule_search_locations or ())
        return spec


def _watch(shown: Realm | None) -> None:
    """Answer the rest of the process while a realm is shown; in force only then."""
    if _Finder in sys.meta_path:
        sys.meta_path.remove(_Finder)
    if shown is not None:
        sys.meta_path.insert(0, _Finder)
        shown.builtins.update(vars(builtins) | {"__import__": shown.builtins["__import__"]})
        if builtins.__import__ is not _import_of_others:
            _python.statement = builtins.__import__
            builtins.__import__ = _import_of_others
    elif builtins.__import__ is _import_of_others:
        builtins.__import__ = _python.statement


def _is_importing(realm: Realm) -> bool:
    """Tell whether another thread holds Python's lock of a module that a realm would hide."""
    mine = threading.get_ident()
    for name, reference in list(_bootstrap._module_locks.items()):  # noqa: SLF001
        owner = getattr(reference(), "owner", None)
        if owner not in (None, mine) and realm.has(name):
            return True
    return False


stage = Stage(_watch, _is_importing)


def _importer(realm: Realm) -> Callable[..., Any]:
    def import_for_realm(
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - as Python calls them
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        full_name = _full_name(name, globals, level)
        is_known = realm.has(full_name)
        if not is_known and not realm.owns(full_name):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if not is_known:
            stage.claim(realm, full_name.partition(".")[0])
        if fromlist or not level:
            found = _imported(realm.modules, full_name, fromlist)
            if found is not None:
                return found
        with scope.working(), stage.showing(realm):
            return _python.statement(name, globals, locals, fromlist or (), level)

    return import_for_realm


def _import_of_others(
    name: str,
    globals: Mapping[str, Any] | None = None,  # noqa: A002 - as Python calls them
    locals: Mapping[str, Any] | None = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Import for code that is not the realm's, while the realm is shown.

    A statement means what the process has. Calls (and pickles, which pass a list) come from
    libraries on behalf of somebody.
    """
    shown = stage.shown
    full_name = _full_name(name, globals, level)
    if shown is None or not shown.has(full_name):
        return _python.statement(name, globals, locals, fromlist or (), level)
    is_statement = globals is not None and not isinstance(fromlist, list)
    asking = _owner_of(globals, shown) if is_statement else _asking()
    if asking is not shown and asking is None:
        found = _imported(stage.aside, full_name, fromlist)
        if found is not None:
            return found
    with scope.working(), stage.showing(asking):
        return _python.statement(name, globals, locals, fromlist or (), level)


def _import_module(name: str, package: str | None = None, level: int = 0) -> ModuleType:
    """Import as ``importlib.import_module`` does, for whoever calls it."""
    full_name = name if not level else _bootstrap._resolve_name(name, package, level)  # noqa: SLF001
    if any(realm.has(full_name) or realm.path for realm in _realms.values()):
        asking = _asking()
        if asking is not None and asking.owns(full_name):
            found = asking.modules.get(full_name)
            if found is not None and not _is_initializing(found):
                return found
            with scope.working(), stage.showing(asking):
                return _gcd_import(name, package, level)
        if stage.shown is not None and stage.shown.has(full_name):
            with scope.working(), stage.showing(None):
                return _gcd_import(name, package, level)
    return _gcd_import(name, package, level)


def import_for(realm: Realm | None, full_name: str) -> ModuleType:
    """Import a module as a realm's own code would; without a realm, as the process does."""
    parts = full_name.split(".")
    with scope.working(), stage.showing(realm):
        for depth in range(1, len(parts)):  # Python would ask for these on behalf of nobody
            _gcd_import(".".join(parts[:depth]), None, 0)
        return _gcd_import(full_name, None, 0)


def _full_name(name: str, around: Mapping[str, Any] | None, level: int) -> str:
    if not level:
        return name
    package = (around or {}).get("__package__")
    try:
        return importlib.util.resolve_name("." * level + name, package)
    except ImportError:  # the import itself will say so
        return name


def _imported(
    modules: Mapping[str, ModuleType], full_name: str, fromlist: Sequence[str] | None
) -> ModuleType | None:
    """Return what an import that has nothing left to do gives, or None."""
    module = modules.get(full_name)
    if module is None or _is_initializing(module):
        return None
    if not fromlist:
        top = full_name.partition(".")[0]
        return modules.get(top)
    return module if all(name != "*" and hasattr(module, name) for name in fromlist) else None


def _is_initializing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _owner_of(around: Mapping[str, Any] | None, shown: Realm) -> Realm | None:
    """Return the realm shown if a file of its own was loaded by somebody else's loader."""
    if around is None or not shown.holds(str(around.get("__file__", ""))):
        return None
    if isinstance(around, dict):  # the functions that it defines from now on
        around["__builtins__"] = shown.builtins
    return shown


def _asking() -> Realm | None:
    """Return the realm of the code that called, past the libraries on the way."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - callers can be seen in no other way
    while frame is not None:
        realm = _realm_of_builtins.get(id(frame.f_builtins))
        if realm is not None:
            return realm
        file = frame.f_code.co_filename
        if not file.startswith(_LIBRARIES) and "-packages" not in file:
            return next((realm for realm in _realms.values() if realm.holds(file)), None)
        frame = frame.f_back
    return None


os.register_at_fork(after_in_child=stage.forget_other_threads)
