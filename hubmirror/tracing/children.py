"""Starts the child of a call in its sandbox, and says what it left there.

Owns: what the child is told. No login, proxy or setting of ours is part of that, and it needs no
network: where the machine allows it there is none.
"""

from __future__ import annotations

import os
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubmirror.errors import StorageError
from hubmirror.hub.inheritance import STARTUP
from hubmirror.sandbox import Child, Ended, Folders, Sandbox
from hubmirror.settings import RECORDER
from hubmirror.tracing.traces import Target

_MODULE = "hubmirror.hub.recording.calling"
_FIXED = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",  # native code, which nobody records
    "HUBMIRROR_ON_MISS": "error",
    "HUBMIRROR_VERIFY": "stat",  # we have hashed what we hand over
}


@dataclass(frozen=True, slots=True)
class Left:
    """A snapshot whose view the child may have written to."""

    title: str
    parent: str
    tar: Path


def run_child(
    sandbox: Sandbox,
    target: Target,
    call: Path | None,
    outer: Mapping[str, str],
    address: Path,
    timeout_s: float,
) -> Ended:
    """Run a target to its end.

    Raises:
        StorageError: when it could not be started.
    """
    folders = sandbox.folders
    path = [str(STARTUP), *filter(None, [outer.get("PYTHONPATH")])]
    variables = {
        **_FIXED,
        "HUBMIRROR_CACHE": str(_cache(folders)),
        "PYTHONPATH": os.pathsep.join(path),
        RECORDER: str(address),
    }
    argv = tuple(_words(target, call))
    try:
        return sandbox.run(Child(argv, variables, timeout_s=timeout_s, in_namespace=True))
    except StorageError:  # namespaces are not everybody's to make
        return sandbox.run(Child(argv, variables, timeout_s=timeout_s))


def _words(target: Target, call: Path | None) -> Sequence[str]:
    if target.spec and target.entrypoint:
        late = [str(call.absolute())] if call else []
        return [sys.executable, "-m", _MODULE, str(target.spec), target.entrypoint.call, *late]
    # It starts in an empty folder, so what is a file here must be one there.
    return [str(Path(word).absolute()) if Path(word).exists() else word for word in target.command]


def _cache(folders: Folders) -> Path:
    return folders.cache / "hubmirror"


def left_behind(folders: Folders, snapshots: Sequence[Left]) -> tuple[str, ...]:
    """List the files that the code has written to its repo, home and working directory."""
    found = [f"home: {name}" for name in _files(folders.home)]
    found += [f"cwd: {name}" for name in _files(folders.work)]
    for one in snapshots:
        for view in (_cache(folders) / "views" / one.parent).glob("*/hub/*/"):
            before = _members(one.tar)
            changed = (name for name, size in _files(view).items() if before.get(name) != size)
            found += [f"{one.title}: {name}" for name in changed]
    return tuple(sorted(set(found)))


def _files(folder: Path) -> dict[str, int]:
    return dict(_walk(folder))


def _walk(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and "__pycache__" not in name.parts:
            yield name.as_posix(), path.stat().st_size


def _members(tar: Path) -> dict[str, int]:
    with tarfile.open(tar) as archive:
        return {one.name: one.size for one in archive if one.isfile()}
