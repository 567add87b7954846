"""What a repo's code changes in the process, undone when its load is over.

Owns: the list of what that is. Modules stay, as with torch.hub, and so do warning filters and
the state of random generators: libraries that a repo imports set these for good reasons.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubmirror.hub import torch_door


@contextlib.contextmanager
def cleared(folder: Path, *, stays_importable: bool) -> Iterator[None]:
    """Restore search path, hub folder, environment, working directory, grad mode and dtype.

    Args:
        folder: The repo's.
        stays_importable: Leave the repo's own folders on ``sys.path``, at its end: models
            import lazily, and processes that are spawned get the path of their parent.
    """
    path, here, environment = sys.path.copy(), _working_directory(), dict(os.environ)
    with _torch_restored():
        try:
            yield
        finally:
            own = [entry for entry in (*sys.path, str(folder)) if _is_in(entry, folder)]
            kept = [entry for entry in own if entry not in path] if stays_importable else []
            sys.path[:] = [*path, *dict.fromkeys(kept)]
            _restore_environment(environment)
            if here and _working_directory() != here:
                os.chdir(here)


@contextlib.contextmanager
def hub_folder(folder: Path) -> Iterator[None]:
    """Let ``torch.hub.get_dir()`` be a folder while a repo's code runs, as it is online."""
    hub = torch_door.hub()
    before = hub._hub_dir  # noqa: SLF001 - what torch.hub.set_dir sets
    hub._hub_dir = str(folder)  # noqa: SLF001
    try:
        yield
    finally:
        hub._hub_dir = before  # noqa: SLF001


@contextlib.contextmanager
def _torch_restored() -> Iterator[None]:
    torch: Any = torch_door.torch()
    hub_dir, grad, dtype = torch.hub._hub_dir, torch.is_grad_enabled(), torch.get_default_dtype()  # noqa: SLF001
    try:
        yield
    finally:
        torch.hub._hub_dir = hub_dir  # noqa: SLF001
        torch.set_grad_enabled(grad)
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)


def _is_in(entry: str, folder: Path) -> bool:
    place = Path(entry).absolute()
    return place == folder or folder in place.parents


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - for os.chdir
    except OSError:  # it was removed
        return ""


def _restore_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
