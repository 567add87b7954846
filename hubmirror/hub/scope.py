"""Who is served from a mirror at the moment: the scope.

A scope belongs to the code that runs inside ``with``, and to the threads which that code
starts; the rest of the process never notices it. When the ``with`` ends the scope is closed
for all of them. ``hubmirror.install`` covers the whole process with one, under all others.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TypeVar

from hubmirror.errors import NotFoundError, NotMirroredError, OfflineMissError
from hubmirror.hub.reach import Reach
from hubmirror.hub.supply import Supply
from hubmirror.settings import Isolate, OnMiss

_Miss = TypeVar("_Miss", bound=NotMirroredError)

_current: ContextVar[Scope | None] = ContextVar("hubmirror_scope", default=None)
_everywhere: Scope | None = None

# sys.path and sys.modules belong to the process, and torch.hub itself is not safe with threads.
_loading = threading.RLock()


def _forget_other_threads() -> None:
    global _loading
    _loading = threading.RLock()


os.register_at_fork(after_in_child=_forget_other_threads)


@dataclass(eq=False, slots=True)
class Scope:
    """What the code inside is served with.

    Attributes:
        supply: Answers, or None where no mirror is configured: then all is refused.
        no_mirror: Why there is no supply.
        reach: What the network may be asked all the same.
        title: The repo whose code is running, or empty.
        is_loading: True while a repo's code is running.
        isolate: Whether repos get modules of their own: see ``isolation``.
        on_miss: What becomes of what is not mirrored.
        parent: The scope around this one, which serves on when this one has ended.
        is_open: False once the ``with`` has ended.
        misses: What a load asked for in vain; inner loads share the list of the outermost.
    """

    supply: Supply | None
    no_mirror: NotFoundError | None = None
    reach: Reach = field(default_factory=Reach)
    title: str = ""
    is_loading: bool = False
    isolate: Isolate = Isolate.AUTO
    on_miss: OnMiss = OnMiss.ERROR
    parent: Scope | None = None
    is_open: bool = True
    misses: list[NotMirroredError] = field(default_factory=list)

    def missed(self, error: _Miss) -> _Miss:
        """Return the error, remembered in case somebody swallows it."""
        if self.is_loading and self.on_miss is OnMiss.ERROR:
            self.misses.append(error)
            if self.supply is not None:
                self.supply.shelf.missed(error)
        return error

    def refused(self, what: str) -> None:
        """Let who serves this scope know what was wanted by a way that nobody answers."""
        if self.supply is not None:
            self.supply.shelf.refused(what)

    def require_supply(self, wanted: str) -> Supply:
        """Return the supply.

        Raises:
            OfflineMissError: when no mirror is configured; says how one would be.
        """
        if self.supply is not None:
            return self.supply
        reason = self.no_mirror.message if self.no_mirror else "there is no mirror"
        hint = self.no_mirror.hint if self.no_mirror else ""
        raise self.missed(OfflineMissError(f"{wanted}: not on this machine: {reason}", hint=hint))

    def where(self) -> str:
        """Return what is served from, for a message."""
        return str(self.supply.shelf) if self.supply else "no mirror is configured"


def current() -> Scope | None:
    """Return the scope of the code that asks, or None."""
    scope = _current.get()
    while scope is not None and not scope.is_open:  # a thread that outlived its load
        scope = scope.parent
    return scope or _everywhere


def cover(scope: Scope | None) -> None:
    """Serve all of this process from a scope, wherever no other is entered; None ends that."""
    global _everywhere
    if _everywhere is not None:
        _everywhere.is_open = False
    _everywhere = scope


def open_scope(
    supply: Supply | None, reach: Reach, no_mirror: NotFoundError | None = None
) -> Scope:
    """Return a scope to enter: within a load, it is a part of that load."""
    around = current()
    fresh = Scope(supply, no_mirror, reach, parent=around)
    if around is not None:
        fresh.title, fresh.is_loading, fresh.misses = (
            around.title,
            around.is_loading,
            around.misses,
        )
        fresh.isolate, fresh.on_miss = (
            around.isolate,
            around.on_miss,
        )
    return fresh


@contextlib.contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Serve the code inside from this scope, and nobody after it."""
    token = _current.set(scope)
    try:
        yield scope
    finally:
        scope.is_open = False
        _current.reset(token)


@contextlib.contextmanager
def loading(outer: Scope, title: str) -> Iterator[Scope]:
    """Enter the scope of a repo's code, one repo at a time in this process.

    Nested loads go ahead, also those of threads which the outermost load has started.
    """
    inner = replace(outer, title=title or outer.title, is_loading=True, parent=outer)
    if not outer.is_loading:
        inner.misses = []
    with one_at_a_time(), entered(inner):
        yield inner


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no load runs that the code inside is not a part of, and keep others out."""
    around = current()
    with contextlib.nullcontext() if around is not None and around.is_loading else _loading:
        yield


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Tell the threads that start inside from those that were there before, in a scope."""
    around = current()
    with entered(replace(around, parent=around)) if around else contextlib.nullcontext():
        yield


def lineage(scope: Scope | None) -> Iterator[Scope]:
    """Return a scope and those around it, from the inside out."""
    while scope is not None:
        yield scope
        scope = scope.parent


def carry_into(thread: threading.Thread, scope: Scope) -> None:
    """Let a thread that is about to start belong to a scope."""
    run = thread.run

    def run_inside() -> None:
        _current.set(scope)
        run()

    thread.run = run_inside  # type: ignore[method-assign]  # of this one thread
