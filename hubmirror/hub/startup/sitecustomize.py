"""Runs at the start of every Python under ``hubmirror run``, and arms it when it needs arming.

That is when the process imports torch or one of the libraries through which code fetches: one
that never does pays next to nothing. The ``sitecustomize`` that this one hides runs as it would
without us.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_ARMING = ("torch", "huggingface_hub", "urllib.request", "urllib3", "httpx", "httpx2")


def _start() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs more
    _watch(os.path.dirname(os.path.dirname(here)))  # noqa: PTH120
    _run_hidden(here)


def _watch(package: str) -> None:
    try:
        from hubmirror.hub import arrivals
    except ModuleNotFoundError:  # this Python has another set of packages than the one that ran us
        _lend(package)
        from hubmirror.hub import arrivals

    stop: dict[str, Callable[[], None]] = {}

    def arm(_: ModuleType) -> None:
        if set(_ARMING).intersection(arrivals.running()[:-1]):
            return  # torch imports urllib.request on its way: its own arrival follows
        import hubmirror

        hubmirror.install()
        for name in _ARMING:  # what another thread has begun may not be answered whole yet
            if not arrivals.is_half_way(name):
                stop.pop(name, bool)()

    stop.update({name: arrivals.watch(name, arm) for name in _ARMING})


def _lend(package: str) -> None:
    """Make our own package importable, and none of those that lie beside it."""
    from importlib import util

    place = os.path.join(package, "__init__.py")  # noqa: PTH118
    spec = util.spec_from_file_location("hubmirror", place, submodule_search_locations=[package])
    if spec and spec.loader:
        sys.modules["hubmirror"] = module = util.module_from_spec(spec)
        spec.loader.exec_module(module)


def _run_hidden(here: str) -> None:
    from importlib.machinery import PathFinder

    others = [entry for entry in sys.path if os.path.abspath(entry) != here]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec and spec.loader:
        from importlib import util

        sys.modules["sitecustomize"] = module = util.module_from_spec(spec)
        spec.loader.exec_module(module)


_start()
