"""Warnings that a process gives once.

Owns the one set of this package that outlives a scope: what was already said. A training job
loads the same model a thousand times, and its log is read by people.
"""

from __future__ import annotations

import logging

_said: set[tuple[str, ...]] = set()


def warn_once(log: logging.Logger, message: str, *args: object) -> None:
    """Log a warning, unless this process has logged it with the same arguments before."""
    key = (log.name, message, *(str(arg) for arg in args))
    if key not in _said:
        _said.add(key)
        log.warning(message, *args)
