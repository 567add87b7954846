"""Puts answers in the place of functions, and takes them out again.

Knows neither torch nor mirrors: it is told which functions, and the answers. Outside a scope,
and in every thread that is in none, a replaced function does what it always did. A function whose
module is imported later is answered from then on.
Invariant: when the last user has left, everything is as it was, unless somebody else has changed
it since: that is left alone, with a warning. No import is waited for under a lock: the code that
is being imported may come to wait for that lock.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from hubmirror.hub import arrivals, scope
from hubmirror.hub.notices import warn_once
from hubmirror.hub.trampolines import Trampoline

_log = logging.getLogger(__name__)

Answer = Callable[..., Any]  # the functions of torch that are answered take and give anything


@dataclass(frozen=True, slots=True)
class Hook:
    """One function to answer: ``answer(original, *arguments)``.

    Attributes:
        owner: The module or class that holds it.
        name: Its name there.
        through_code: True for a function that others hold too: its code is exchanged.
            Otherwise the owner's attribute is.
        called_by: The owner's function that must call it by its name, or the answer would never
            be heard; empty where anybody may.
    """

    owner: Any
    name: str
    answer: Answer
    through_code: bool = False
    called_by: str = ""

    def why_not(self) -> str:
        """Return why this version of its owner cannot be answered so, or nothing."""
        place = self.owner.__name__
        if not hasattr(self.owner, self.name):
            return f"{place} has no {self.name}"
        caller = inspect.unwrap(getattr(self.owner, self.called_by, None) or (lambda: None))
        code = getattr(caller, "__code__", None)
        if self.called_by and code is not None and self.name not in code.co_names:
            return f"{place}.{self.called_by} does not call {self.name}"
        return ""


@dataclass(frozen=True, slots=True)
class Layer:
    """The hooks of one module, put in once it is imported.

    Attributes:
        name: What people call it.
        module: The module that it waits for.
        hooks: Makes its hooks from that module; imports nothing.
        arrived: Told of a module that was imported while the hooks are in force.
    """

    name: str
    module: str
    hooks: Callable[[ModuleType], Sequence[Hook]]
    arrived: Callable[[ModuleType], None] = lambda _: None


class Interception:
    """A set of hooks which is in force while anybody uses it."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self._users = 0
        self._undo: list[tuple[Hook, Any, Callable[[], bool]]] = []
        self._answered: set[Layer] = set()
        self._stop: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """Keep the hooks in place; may be nested, and used by several threads at once."""
        self.put_in()
        try:
            yield
        finally:
            self.take_out()

    def put_in(self) -> None:
        """Begin to use the hooks; each call wants one of ``take_out``."""
        with self._lock:
            if not self._users:
                self._watch_all()
            self._users += 1
        for layer in self._layers:
            if layer not in self._answered:
                self._put_in_present(layer)

    def take_out(self) -> None:
        """Cease to use them."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._undo_all()

    def _watch_all(self) -> None:
        for layer in self._layers:
            has_arrived = functools.partial(self._has_arrived, layer)
            self._stop.append(arrivals.watch(layer.module, has_arrived))

    def _put_in_present(self, layer: Layer) -> None:
        arrivals.let_end(layer.module)
        module = sys.modules.get(layer.module)
        if module is None or arrivals.is_half_way(layer.module):
            return  # it will arrive
        with self._lock:
            if self._users:
                self._put_in(layer.hooks(module))
                self._answered.add(layer)

    def _has_arrived(self, layer: Layer, module: ModuleType) -> None:
        with self._lock:
            if self._users:  # in another thread the last one may have left meanwhile
                layer.arrived(module)
                self._put_in(layer.hooks(module))

    def _put_in(self, hooks: Iterable[Hook]) -> None:
        for hook in hooks:
            if self._is_in_place(hook):
                continue
            reason = hook.why_not()
            if reason:
                warn_once(_log, "%s, so that is not answered", reason)
            else:
                undo = _put_in(hook)
                self._undo.append((hook, getattr(hook.owner, hook.name), undo))

    def _is_in_place(self, hook: Hook) -> bool:
        return any(
            there.owner is hook.owner
            and there.name == hook.name
            and getattr(hook.owner, hook.name, None) is function
            for there, function, _ in self._undo
        )

    def _undo_all(self) -> None:
        for stop in self._stop:
            stop()
        for hook, _, undo in self._undo:
            if not undo():
                _log.warning("%s was replaced by somebody else, and is left so", hook.name)
        self._stop, self._undo = [], []
        self._answered = set()


def _put_in(hook: Hook) -> Callable[[], bool]:
    return _put_in_code(hook) if hook.through_code else _put_in_attribute(hook)


def _put_in_attribute(hook: Hook) -> Callable[[], bool]:
    original = getattr(hook.owner, hook.name)

    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        if scope.current() is None:
            return original(*args, **kwargs)
        return hook.answer(original, *args, **kwargs)

    def undo() -> bool:
        if getattr(hook.owner, hook.name) is not hooked:
            return False
        setattr(hook.owner, hook.name, original)
        return True

    setattr(hook.owner, hook.name, hooked)
    return undo


def _put_in_code(hook: Hook) -> Callable[[], bool]:
    function: FunctionType = inspect.unwrap(getattr(hook.owner, hook.name))

    def bounced(arguments: Mapping[str, Any]) -> Any:
        if scope.current() is None:
            return trampoline.original(**arguments)
        return hook.answer(trampoline.original, **arguments)

    trampoline = Trampoline(function, bounced)
    trampoline.put_in()
    return trampoline.take_out
