"""Says when a module has been imported, so that it can be answered from then on.

Nothing is imported for the asking: a library that the process never uses costs nothing.
Invariant: with nobody waiting, nothing of ours stands in ``sys.meta_path``.
"""

from __future__ import annotations

import _thread
import sys

TYPE_CHECKING = False  # typing, threading and functools are most of what a Python's start costs
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Waiting = Callable[[ModuleType], None]

_waiting: dict[str, list[Waiting]] = {}
_lock = _thread.allocate_lock()
_HAS_RUN = "hubmirror_has_run"
_running = _thread._local()  # noqa: SLF001 - threading.local, without threading


def watch(name: str, waiting: Waiting) -> Callable[[], None]:
    """Call back when a module's code has run, until the function that is returned is called.

    A module that is there already does not arrive any more. What the callback raises, the
    import raises.
    """
    with _lock:
        _waiting.setdefault(name, []).append(waiting)
        if _Finder not in sys.meta_path:
            sys.meta_path.insert(0, _Finder)  # a class is a finder too
    return lambda: _forget(name, waiting)


def running() -> list[str]:
    """Return the modules waited for that this thread is importing, the outermost first."""
    names: list[str] = _running.__dict__.setdefault("names", [])
    return names


def is_half_way(name: str) -> bool:
    """Tell whether a module's code is running at the moment, in any thread."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return getattr(spec, "_initializing", False) and not hasattr(spec, _HAS_RUN)


def let_end(name: str) -> None:
    """Wait for the thread that imports a module; not within an import, which it may wait for."""
    if is_half_way(name) and not running():
        bootstrap: Any = sys.modules["_frozen_importlib"]
        bootstrap._lock_unlock_module(name)  # noqa: SLF001 - what an import statement does


def _forget(name: str, waiting: Waiting) -> None:
    with _lock:
        all_of_it = _waiting.get(name, [])
        if waiting in all_of_it:
            all_of_it.remove(waiting)
        if not all_of_it:
            _waiting.pop(name, None)
        if not _waiting and _Finder in sys.meta_path:
            sys.meta_path.remove(_Finder)


class _Finder:
    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            find = None if finder is cls else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                _tell_after(spec)
                return spec
        return None


def _tell_after(spec: ModuleSpec) -> None:
    """Let the module's own loader call back when it has run the code."""
    loader = spec.loader
    run = getattr(loader, "exec_module", None)
    if loader is None or run is None:
        return

    def run_and_tell(module: ModuleType) -> None:
        running().append(spec.name)
        try:
            run(module)
            vars(spec)[_HAS_RUN] = True
            if module.__name__ == spec.name:  # one loader may serve many modules, as of a zip file
                for waiting in list(_waiting.get(spec.name, ())):
                    waiting(module)
        finally:
            running().pop()

    loader.exec_module = run_and_tell  # type: ignore[method-assign]  # of this one loader
