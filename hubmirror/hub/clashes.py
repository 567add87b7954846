"""Modules of one name: which of a repo's are already those of somebody else.

Python keeps the first module of a name, so that a second repo with ``models`` would run the
code of the first. Reads folders and ``sys.modules``; runs nothing of the repo's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path

# Folders and files that repos and installed packages have beside their code, and nobody imports.
_BESIDE = frozenset({"conftest", "docs", "examples", "hubconf", "setup", "test", "tests"})


def own_names(folder: Path) -> frozenset[str]:
    """Return the names under which a repo's own modules can be imported from its folder.

    Python's own names are not among them: Python has these loaded, or finds them first.
    """
    names = {
        path.name.removesuffix(".py")
        for path in folder.iterdir()
        if path.suffix == ".py" or (path.name.isidentifier() and _has_code(path))
    }
    return frozenset(names - sys.stdlib_module_names - {"hubconf"})


def _has_code(folder: Path) -> bool:
    return any(True for pattern in ("*.py", "*/*.py") for _ in folder.glob(pattern))


def loaded_elsewhere(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the names that the process has loaded from outside of a repo, with the place."""
    found = {}
    for name in sorted(names):
        place = _place_of(name)
        if place and folder not in Path(place).parents:
            found[name] = place
    return found


def _place_of(name: str) -> str:
    module = sys.modules.get(name)
    place = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
    return str(place)


def importable_elsewhere(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the names that the process could import from outside of a repo, with the place.

    A plain folder of that name is nobody's module: people keep weights in ``models/``.
    """
    found = {}
    for name in sorted(frozenset(names) - _BESIDE):
        spec = _spec_outside(folder, name)
        if spec and spec.origin:
            found[name] = spec.origin
    return found


def compiled_elsewhere(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the names of installed packages with compiled parts, with the place.

    A repo has the sources of these (such as ``torchvision/``) without what was compiled.
    """
    found = {}
    for name in sorted(names):
        spec = _spec_outside(folder, name)
        if spec and spec.origin and _is_installed(spec.origin) and _is_compiled(spec):
            found[name] = spec.origin
    return found


def _spec_outside(folder: Path, name: str) -> ModuleSpec | None:
    prefix = f"{folder}{os.sep}"
    places = [entry for entry in sys.path if not f"{entry}{os.sep}".startswith(prefix)]
    return PathFinder.find_spec(name, places)


def _is_installed(origin: str) -> bool:
    return any(part in ("site-packages", "dist-packages") for part in Path(origin).parts)


def _is_compiled(spec: ModuleSpec) -> bool:
    endings = tuple(EXTENSION_SUFFIXES)
    if spec.submodule_search_locations is None:
        return str(spec.origin).endswith(endings)
    return any(
        name.endswith(endings)
        for place in spec.submodule_search_locations
        for _, _, names in os.walk(place)
        for name in names
    )
