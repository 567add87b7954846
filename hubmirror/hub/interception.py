"""Puts answers in the place of functions, and takes them out again.

Knows neither torch nor mirrors: it is told which functions, and the answers. Outside a scope,
and in every thread that is in none, a replaced function does what it always did.
Invariant: when the last user has left, everything is as it was, unless somebody else has changed
it since: that is left alone, with a warning.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from hubmirror.hub import scope
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
    """

    owner: Any
    name: str
    answer: Answer
    through_code: bool = False


class Interception:
    """A set of hooks which is in force while anybody uses it."""

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = hooks
        self._users = 0
        self._undo: list[Callable[[], bool]] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """Keep the hooks in place; may be nested, and used by several threads at once."""
        with self._lock:
            if not self._users:
                self._undo = [_put_in(hook) for hook in self._hooks]
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._take_out()

    def _take_out(self) -> None:
        for hook, undo in zip(self._hooks, self._undo, strict=True):
            if not undo():
                _log.warning("%s was replaced by somebody else, and is left so", hook.name)
        self._undo = []


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
