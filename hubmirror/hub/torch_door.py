"""The one door to torch, opened when somebody first loads something.

``Any`` stands here and in what passes through: models, state dicts and torch's own private
functions have no type that we could promise.
"""

from __future__ import annotations

import importlib
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


def read(path: str, map_location: Any, *, weights_only: bool, mapped: bool = False) -> Any:
    """Return what ``torch.load`` makes of a file.

    ``mapped`` is a wish: where torch, its own setting or the system does not allow it, the file
    is read. A shared mapping would let user code write into it.
    """
    load = torch().load
    if not mapped or not _may_map():
        return load(path, map_location=map_location, weights_only=weights_only)
    try:
        return load(path, map_location=map_location, weights_only=weights_only, mmap=True)
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
        return load(path, map_location=map_location, weights_only=weights_only)


def _may_map() -> bool:
    import mmap

    options = getattr(torch().serialization, "get_default_mmap_options", None)
    return options is not None and options() == mmap.MAP_PRIVATE


def read_safetensors(path: str, map_location: Any) -> Any:
    """Return the tensors of a safetensors file, as ``torch.load`` does for one of that name.

    Raises:
        ModuleNotFoundError: when safetensors is not installed.
    """
    reader = importlib.import_module("safetensors.torch")
    device = map_location if map_location is not None else "cpu"
    return reader.load_file(path, device=str(device))


def legacy_zip_warning() -> str:
    """Return what torch.hub says of weights that are an archive around one file."""
    told = getattr(hub()._legacy_zip_load, "__deprecated__", "")  # noqa: SLF001 - torch's own words
    return str(told) or "an archive around one file, as weights were before torch 1.6"
