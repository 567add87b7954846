"""The one door to torch, opened when somebody first loads something.

``Any`` stands here and in what passes through: models, state dicts and torch's own private
functions have no type that we could promise.
"""

from __future__ import annotations

from typing import Any

from hubmirror.errors import MissingDependencyError


def hub() -> Any:
    """Return the module ``torch.hub``.

    Raises:
        MissingDependencyError: when this environment has no torch.
    """
    return torch().hub


def torch() -> Any:
    """Return the module ``torch``.

    Raises:
        MissingDependencyError: when this environment has no torch.
    """
    try:
        import torch.hub
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependencyError(
            "torch is not installed in this environment", hint="pip install torch"
        ) from error
    return torch


def version() -> str:
    """Return the version of torch, such as ``2.13.0+cpu``."""
    return str(torch().__version__)


def read(path: str, map_location: Any, *, weights_only: bool) -> Any:
    """Return what ``torch.load`` makes of a file."""
    return torch().load(path, map_location=map_location, weights_only=weights_only)


def is_legacy_zip(path: str) -> bool:
    """Tell whether a file is an archive around one file, as weights were once handed out."""
    return bool(hub()._is_legacy_zip_format(path))  # noqa: SLF001 - torch's own test of it
