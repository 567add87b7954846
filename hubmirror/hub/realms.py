"""Realms: the modules of an isolated repo, and who may show them in ``sys.modules``.

Two repos that both have a package ``models`` cannot share ``sys.modules``. Each gets a realm: a
table of its own modules. It is shown in ``sys.modules`` only while code of that repo is being
loaded or imported, because dataclasses, pickles and registries look there under plain names; at
rest ``sys.modules`` is the process's own. Knows nothing of how code imports.
Invariant: of the names of a realm that is shown, what belongs to the process waits in ``aside``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from hubmirror.hub import scope
from hubmirror.hub.scope import Scope

_PATIENCE_S = 10


@dataclass(eq=False, slots=True)
class Realm:
    """An isolated repo.

    Attributes:
        folder: Where its hubconf.py lies.
        names: Its top-level modules and packages.
        on_module: Called with every module of it that was loaded.
        modules: Its modules by full name, as of when they were last shown.
        path: Folders of its own that its code has put on ``sys.path``.
        builtins: What its modules have for ``__builtins__``: with an ``__import__`` of its own.
        deeper: For each other top-level name that was asked for, whether ``path`` has it.
    """

    folder: Path
    names: frozenset[str]
    on_module: Callable[[ModuleType], None]
    modules: dict[str, ModuleType] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    builtins: dict[str, Any] = field(default_factory=dict)
    deeper: dict[str, bool] = field(default_factory=dict)

    def has(self, full_name: str) -> bool:
        """Tell whether a name is known to be the repo's."""
        top = full_name.partition(".")[0]
        return top in self.names or self.deeper.get(top, False)

    def owns(self, full_name: str) -> bool:
        """Tell whether a name is the repo's, looking into the folders that it added."""
        top = full_name.partition(".")[0]
        if top in self.names or top in sys.stdlib_module_names:
            return top in self.names
        if top not in self.deeper:
            added = self.path or [entry for entry in sys.path if self._is_added(entry)]
            if not added:  # nothing to remember: a folder may come yet
                return False
            spec = PathFinder.find_spec(top, [*self.path, *sys.path])
            places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
            self.deeper[top] = any(self.holds(place) for place in places)
        return self.deeper[top]

    def search_path(self) -> list[str]:
        """Return the folders that the repo's modules are looked for in."""
        live = [entry for entry in sys.path if self._is_added(entry)]
        return list(dict.fromkeys([str(self.folder), *live, *self.path]))

    def holds(self, place: str) -> bool:
        """Tell whether a file or folder is the repo's folder or lies in it."""
        return f"{place}{os.sep}".startswith(f"{self.folder}{os.sep}")

    def _is_added(self, entry: str) -> bool:
        return self.holds(entry) and entry != str(self.folder)


@dataclass(eq=False, slots=True)
class _Turn:
    """A thread that needs one realm (or None: the process) to be shown for a while."""

    realm: Realm | None
    thread: int
    scope: Scope | None


class Stage:
    """What ``sys.modules`` shows at the moment: the process's own modules, or a realm's too.

    One realm at a time. Threads that want another one wait, unless they work for whoever has
    the turn: a load may wait for threads of its own that load or import.
    """

    def __init__(
        self, on_change: Callable[[Realm | None], None], is_importing: Callable[[Realm], bool]
    ) -> None:
        """Take what is told of every change, and what tells of imports that are under way.

        Args:
            on_change: Called with the realm that is shown from now on, if any is.
            is_importing: Tells whether other threads are in the middle of importing modules
                of the process's own that a realm would hide.
        """
        self.shown: Realm | None = None
        self.aside: dict[str, ModuleType] = {}
        self._on_change = on_change
        self._is_importing = is_importing
        self._turns: list[_Turn] = []
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def showing(self, realm: Realm | None) -> Iterator[None]:
        """Show a realm inside, or None for the process's own modules; may be nested."""
        with scope.one_at_a_time():
            turn = _Turn(realm, threading.get_ident(), scope.current())
            with self._changed:
                self._changed.wait_for(lambda: self._may_go(turn))
                self._turns.append(turn)
                before = self.shown
                self._let_imports_end(realm)
                self._show(realm)
            try:
                yield
            finally:
                with self._changed:
                    self._turns.remove(turn)
                    self._changed.notify_all()
                    if before is not realm:
                        self._changed.wait_for(lambda: not self._is_shared(turn))
                        self._show(before)

    def claim(self, realm: Realm, top: str) -> None:
        """Set aside what the process has of a name which the shown realm turned out to own."""
        with self._changed:
            if realm is self.shown:
                self._set_aside(lambda name: name.partition(".")[0] == top)

    def forget_other_threads(self) -> None:
        """Start afresh in a forked child, which has only the thread that forked."""
        self._changed = threading.Condition()
        mine = threading.get_ident()
        self._turns = [turn for turn in self._turns if turn.thread == mine]
        if not self._turns:
            self._show(None)

    def _may_go(self, wanted: _Turn) -> bool:
        ancestors = set(scope.lineage(wanted.scope))
        return all(
            turn.thread == wanted.thread or turn.realm is wanted.realm or turn.scope in ancestors
            for turn in self._turns
        )

    def _let_imports_end(self, realm: Realm | None) -> None:
        # An import that waits for the code which is waiting here would never end.
        end = time.monotonic() + _PATIENCE_S
        while realm not in (None, self.shown) and self._is_importing(realm):
            if time.monotonic() > end:
                break
            self._changed.wait(0.001)

    def _is_shared(self, ended: _Turn) -> bool:
        return any(
            turn.realm is ended.realm and turn.thread != ended.thread for turn in self._turns
        )

    def _show(self, realm: Realm | None) -> None:
        if realm is self.shown:
            return
        if self.shown is not None:
            self._hide(self.shown)
        self.shown = realm
        self._on_change(realm)  # before the first module is swapped, after the last one was
        if realm is not None:
            self._set_aside(realm.has)
            sys.modules.update(realm.modules)
            sys.path[:0] = realm.search_path()

    def _set_aside(self, is_owned: Callable[[str], bool]) -> None:
        for name in [name for name in sys.modules if is_owned(name)]:
            self.aside[name] = sys.modules[name]
            del sys.modules[name]

    def _hide(self, realm: Realm) -> None:
        realm.modules = {name: sys.modules[name] for name in list(sys.modules) if realm.has(name)}
        realm.path = [entry for entry in realm.search_path() if entry != str(realm.folder)]
        sys.path[:] = [entry for entry in sys.path if not realm.holds(entry)]
        for name in realm.modules:
            if name not in self.aside:
                del sys.modules[name]
        sys.modules.update(self.aside)
        self.aside = {}
