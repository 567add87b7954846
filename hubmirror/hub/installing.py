"""``install``: what ``offline`` does for a block of code, for a whole process.

Owns: the one scope that covers the process, under all that are entered.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from hubmirror.hub import hooks, scope
from hubmirror.hub.choices import Choices, MirrorLike, new_scope
from hubmirror.hub.scope import Scope

_log = logging.getLogger(__name__)
# Nothing is imported under it, nor is an import waited for: its end may install (`hubmirror run`).
_changing = threading.Lock()
_installed: Scope | None = None


def install(
    mirror: MirrorLike | None = None,
    *,
    publication: str | None = None,
    verify: str | None = None,
    isolate: str | None = None,
    on_miss: str | None = None,
    weights_only: str | None = None,
    allow_hosts: str | Iterable[str] | None = None,
) -> None:
    """Answer this whole process from a mirror and refuse it the network, until ``uninstall``.

    All threads are covered, those that run already too, and libraries that are imported later.
    Forked children inherit it; for other child processes there is ``hubmirror run``. Installed
    again it is changed to what is said then. Takes what ``offline`` takes.

    Raises:
        NotFoundError: when there is no mirror, or no such publication.
        VerificationError: when the mirror cannot be believed.
    """
    global _installed
    choices = Choices(publication, verify, isolate, on_miss, weights_only, allow_hosts)
    inside = new_scope(mirror, choices)
    inside.parent = None
    hooks.put_in(inside)
    with _changing:
        scope.cover(inside)
        before, _installed = _installed, inside
    if before is not None:
        hooks.take_out(before)
    for layer in hooks.layers():
        _log.info("%s: %s", layer.name, layer.reason or "answered")


def uninstall() -> None:
    """Undo ``install``; without one it does nothing."""
    global _installed
    with _changing:
        before, _installed = _installed, None
        scope.cover(None)
    if before is not None:
        hooks.take_out(before)
