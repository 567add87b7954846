"""What a repo needs of this environment, asked before any of its code runs.

torch.hub asks too late (after hubconf.py has run its imports), stops at the first answer, and
takes pip's names for modules. Here all that is missing comes at once, with one line to mend it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hubmirror.distributions import distributions_of
from hubmirror.errors import MissingDependencyError


@dataclass(frozen=True, slots=True)
class Repo:
    """A repo on this machine's disk, and what is known of it without running it.

    Attributes:
        title: How messages call it.
        folder: Where its hubconf.py lies.
        entrypoints: Names of the entrypoints that its hubconf.py shows.
        dependencies: Its ``dependencies`` list: modules, and by mistake distributions.
        requires_torch: The oldest torch that it states, or empty.
        modules: Its own modules, where they are known and the folder is not made yet.
    """

    title: str
    folder: Path
    entrypoints: tuple[str, ...]
    dependencies: tuple[str, ...]
    requires_torch: str
    modules: frozenset[str] = frozenset()


def check(repo: Repo, torch_version: str) -> None:
    """Refuse a repo that cannot run here.

    Raises:
        MissingDependencyError: naming all that is missing, and how to install it.
    """
    lack = find_lack(repo, torch_version)
    if lack:
        raise MissingDependencyError(f"{repo.title}: {lack.reason}", hint=pip_line(lack.wanted))


@dataclass(frozen=True, slots=True)
class Lack:
    """What this environment lacks for a repo: in words, and as pip has it."""

    reason: str
    wanted: tuple[str, ...]


def find_lack(repo: Repo, torch_version: str) -> Lack | None:
    """Return what a repo needs and this environment has not; without torch its age is no matter."""
    missing = [name for name in repo.dependencies if not _is_there(name, repo)]
    is_old = bool(repo.requires_torch and torch_version) and _release(torch_version) < _release(
        repo.requires_torch
    )
    faults, wanted = [], [_pip_name(name) for name in missing]
    if missing:
        faults.append(f"missing dependencies: {', '.join(missing)}")
    if is_old:
        faults.append(f"needs torch {repo.requires_torch} or newer, this is {torch_version}")
        wanted.append(f"'torch>={repo.requires_torch}'")
    return Lack("; ".join(faults), tuple(wanted)) if faults else None


def explain(error: ModuleNotFoundError, repo: Repo) -> MissingDependencyError | None:
    """Turn a failed import into what to install, unless installing would not help.

    It would not for a module of the repo itself, nor for a part of a package that is there.
    """
    top = (error.name or "").partition(".")[0]
    if not top or _is_there(top, repo):
        return None
    return MissingDependencyError(
        f"{repo.title}: needs {error.name}, which is not installed and which it does not declare",
        hint=pip_line([_pip_name(top)]),
    )


def _is_there(name: str, repo: Repo) -> bool:
    top = name.partition(".")[0]
    if top in repo.modules or (repo.folder / top).is_dir() or (repo.folder / f"{top}.py").is_file():
        return True
    return is_installed(name)


def is_installed(name: str) -> bool:
    """Tell whether a module, or a distribution of that name, is in this environment."""
    return _is_module(name) or _is_distribution(name)


def _is_module(name: str) -> bool:
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the parent of a dotted name
        return False
    except (ImportError, ValueError):  # it is there, but odd: its import will say how
        return True


def _is_distribution(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False
    return True


def _pip_name(name: str) -> str:
    return next(iter(distributions_of(name)), name)


def pip_line(names: Iterable[str]) -> str:
    """Return the command that installs what is missing, each thing once."""
    return f"pip install {' '.join(dict.fromkeys(names))}"


def _release(version: str) -> list[int]:
    found = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    # 1.10 and 1.10.0 are one release
    return list(itertools.dropwhile(lambda number: number == 0, reversed(numbers)))[::-1]
