"""Repos made of strings."""

from __future__ import annotations

from hubmirror.hubconf import Entrypoint, Hubconf, read_hubconf


def read(hubconf: str, files: dict[str, str] | None = None) -> Hubconf:
    """Read a repo that has this hubconf.py, and these files by their paths."""
    texts = {"hubconf.py": hubconf, **(files or {})}
    return read_hubconf({path: text.encode() for path, text in texts.items()}.get)


def names(hubconf: Hubconf) -> list[str]:
    return [entrypoint.name for entrypoint in hubconf.entrypoints]


def only(hubconf: Hubconf) -> Entrypoint:
    (entrypoint,) = hubconf.entrypoints
    return entrypoint
