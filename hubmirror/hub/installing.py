"""``install``: what ``offline`` does for a block of code, for a whole process.

Owns: the one scope that covers the process, under all that are entered.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from hubmirror.hub import hooks, scope
from hubmirror.hub.loading import MirrorLike, new_scope

_log = logging.getLogger(__name__)
_changing = threading.Lock()
_installed = contextlib.ExitStack()


def install(
    mirror: MirrorLike | None = None,
    *,
    publication: str | None = None,
    verify: str | None = None,
    on_miss: str | None = None,
) -> None:
    """Answer this whole process from a mirror and refuse it the network, until ``uninstall``.

    All threads are covered, those that run already too, and libraries that are imported later.
    Forked children inherit it; for other child processes there is ``hubmirror run``. Installed
    again it is changed to what is said then. Takes what ``offline`` takes.

    Raises:
        NotFoundError: when there is no mirror, or no such publication.
        VerificationError: when the mirror cannot be believed.
    """
    with _changing:
        inside = new_scope(mirror, publication, verify, on_miss)
        inside.parent = None
        with contextlib.ExitStack() as fresh:
            fresh.enter_context(hooks.answering(inside))
            _installed.close()  # only now: a fault above leaves what was there
            fresh.enter_context(scope.covering(inside))
            _installed.push(fresh.pop_all())
    for layer in hooks.layers():
        _log.info("%s: %s", layer.name, layer.reason or "answered")


def uninstall() -> None:
    """Undo ``install``; without one it does nothing."""
    with _changing:
        _installed.close()
