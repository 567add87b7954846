"""Modules of one name in two repos: Python keeps the first, and the second runs its code.

Only a warning: stock torch.hub runs the wrong code without a word.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

# Folders and files that repos have beside their code, and that no hubconf imports.
_BESIDE = frozenset(
    {"conftest", "docs", "examples", "hubconf", "scripts", "setup", "test", "tests"}
)


def clashing(folder: Path) -> dict[str, str]:
    """Return the names that a repo has modules of and that others have loaded, with their place."""
    found: dict[str, str] = {}
    for name in _own_names(folder):
        place = _place_of(name)
        if place and folder not in Path(place).parents:
            found[name] = place
    return found


def _own_names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        name = path.name.removesuffix(".py")
        is_module = path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
        if is_module and name not in _BESIDE:
            yield name


def _place_of(name: str) -> str:
    module = sys.modules.get(name)
    place = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
    return str(place)
