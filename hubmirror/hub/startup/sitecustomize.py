"""Runs at the start of every Python under ``hubmirror run``, and arms it when it needs arming.

That is when the process imports torch or huggingface_hub: one that never does pays next to
nothing, and its network is its own business. The ``sitecustomize`` that this one hides runs as it
would without us.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


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

    stop: list[Callable[[], None]] = []

    def arm(_: object) -> None:
        while stop:
            stop.pop()()
        import hubmirror

        hubmirror.install()

    stop += [arrivals.watch(name, arm) for name in ("torch", "huggingface_hub")]


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
