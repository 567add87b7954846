"""From the bytes of a blob to what ``torch.load`` makes of them.

Owns: whether they are mapped into memory, and whether pickles in them may name anything.
A mapped file is private to its reader: writing to a tensor changes a page of this process and
never the blob, and ranks on one machine share what they only read.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubmirror import urls
from hubmirror.errors import MissingDependencyError
from hubmirror.hub import torch_door
from hubmirror.hub.supply import Supply
from hubmirror.records import CheckpointRow, Contents, WeightsKind
from hubmirror.settings import WeightsOnly

_UNMAPPABLE = (WeightsKind.TORCHSCRIPT, WeightsKind.SAFETENSORS)


@dataclass(frozen=True, slots=True)
class Request:
    """How code asks for weights.

    Attributes:
        map_location: As ``torch.load`` takes it.
        weights_only: What the code says; the policy may be stricter.
        title: The repo whose code asks, or empty.
    """

    map_location: Any  # torch's own: a device, a text, a dict or a function
    weights_only: bool
    title: str


def open_weights(supply: Supply, row: CheckpointRow, request: Request) -> Any:
    """Return what a blob holds.

    Raises:
        VerificationError: when its bytes are not what they were.
        MissingDependencyError: for safetensors, where that package is not installed.
        UnpicklingError: when it names what ``weights_only=True`` does not allow; a note says
            what to do.
    """
    path, kind = supply.blob(row), row.contents.kind
    if kind is WeightsKind.SAFETENSORS:
        return _read_safetensors(path, row, request.map_location)
    members = _members(path)
    if len(members) == 1 and not members[0].is_dir():
        warnings.warn(torch_door.legacy_zip_warning(), FutureWarning, stacklevel=2)
        path = supply.inner_file(row, path)
        members = _members(path)
    strict = _is_strict(supply.weights_only, kind, asked=request.weights_only)
    is_mappable = kind not in _UNMAPPABLE and _is_mappable(members)
    try:
        return torch_door.read(
            str(path), request.map_location, weights_only=strict, mapped=is_mappable
        )
    except Exception as error:
        error.add_note(f"hubmirror: these are the bytes of {urls.redact(row.url)}")
        if isinstance(error, pickle.UnpicklingError) and "weights_only" in str(error):
            error.add_note(_explain_refusal(path, row.contents, request, supply, strict=strict))
        raise


def _is_strict(policy: WeightsOnly, kind: WeightsKind, *, asked: bool) -> bool:
    match policy:
        case WeightsOnly.AUTO:
            return asked or kind is WeightsKind.TENSORS_ONLY
        case WeightsOnly.UPSTREAM:
            return asked
        case WeightsOnly.ALWAYS:
            return True


def _members(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):  # how zipfile tells a newer kind
        return []


def _is_mappable(members: list[zipfile.ZipInfo]) -> bool:
    # Tensors are mapped as they lie, so one that is compressed would be read as noise.
    is_script = any(member.filename.endswith("/constants.pkl") for member in members)
    is_stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    return bool(members) and is_stored and not is_script


def _read_safetensors(path: Path, row: CheckpointRow, map_location: Any) -> Any:
    try:
        return torch_door.read_safetensors(str(path), map_location)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{urls.redact(row.url)}: a safetensors file, and safetensors is not installed",
            hint="pip install safetensors",
        ) from error


def _explain_refusal(
    path: Path, contents: Contents, request: Request, supply: Supply, *, strict: bool
) -> str:
    asking = f" for {request.title}" if request.title else ""
    names = ", ".join(contents.globals)
    why = f"it names {names}" if names else "its pickle has more than tensors"
    lines = [f"hubmirror: {path}{asking} needs more than weights_only=True allows: {why}"]
    if request.weights_only:
        lines.append("  the code that loads it asks for weights_only=True")
    elif not strict:
        lines.append("  TORCH_FORCE_WEIGHTS_ONLY_LOAD is set in the environment")
    else:
        lines.append(
            f"  the setting is weights_only: {supply.weights_only}; to load it as the repo's code "
            "says: HUBMIRROR_WEIGHTS_ONLY=upstream"
        )
    if contents.globals:
        modules = ", ".join(sorted({name.rpartition(".")[0] for name in contents.globals}))
        lines.append(
            "  if you trust these names, before the load: "
            f"import {modules}; torch.serialization.add_safe_globals([{names}])"
        )
    return "\n".join(lines)
