"""What an entrypoint returned, as one digest: so that two loads can be compared.

Owns: what of a result counts. Of a module it is its state, name by name, with types, shapes and
bytes; of tensors and plain values all; of anything else only of which class it is, for nothing
more of it is the same in two processes.
Invariant: equal digests mean equal tensors and equal plain values, in equal places.
"""

from __future__ import annotations

import ctypes
import hashlib
import inspect
import logging
import random
import sys
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any

from hubmirror.hub import torch_door

_log = logging.getLogger(__name__)
_DEEPEST = 20
_SEED = 0


def settle() -> None:
    """Seed every generator: untrained weights are the same in two processes then.

    Whoever compares fingerprints calls this before the load, on both sides.
    """
    random.seed(_SEED)
    torch_door.torch().manual_seed(_SEED)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(_SEED)


def fingerprint(made: Any) -> str:
    """Return the sha256, in hex, of what an entrypoint returned; changes nothing of it.

    Nothing where none can be taken, for its state is made by code of the repo.
    """
    try:
        return _of(made, 0).hexdigest()
    except Exception:  # noqa: BLE001 - whatever that code raises
        _log.warning("no fingerprint of a %s can be taken", type(made).__qualname__, exc_info=True)
        return ""


def _of(value: Any, depth: int) -> hashlib._Hash:
    """Hash a value by itself, so that nested values cannot be mistaken for their neighbours."""
    torch = torch_door.torch()
    if depth > _DEEPEST or isinstance(value, Enum):
        return _named(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tobytes"):
        shape = repr((str(value.dtype), value.shape)).encode()
        return _hash("array", shape, value.tobytes())
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return _hash("value", repr(value).encode())
        case torch.Tensor():
            return _of_tensor(value, depth)
        case torch.nn.Module():
            return _of_pairs("module", value.state_dict(), depth)
        case Mapping():
            return _of_pairs("mapping", value, depth)
        case list() | tuple():
            items = (_of(item, depth + 1).digest() for item in value)
            return _hash("sequence", *items)
        case Set():
            return _hash("set", *sorted(_of(item, depth + 1).digest() for item in value))
        case torch.dtype() | torch.device():
            return _hash("value", repr(value).encode())
        case _:
            return _named(value)


def _of_pairs(kind: str, pairs: Mapping[Any, Any], depth: int) -> hashlib._Hash:
    found = sorted(
        _of(key, depth + 1).digest() + _of(value, depth + 1).digest()
        for key, value in pairs.items()
    )
    return _hash(kind, *found)


def _of_tensor(tensor: Any, depth: int) -> hashlib._Hash:
    torch = torch_door.torch()
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer):
        return _named(tensor)  # it may have no bytes of its own
    about = repr((str(tensor.dtype), tuple(tensor.shape), str(tensor.layout))).encode()
    if tensor.is_meta:
        return _hash("tensor", about)
    with torch.no_grad():
        plain = tensor.detach()
        if plain.is_quantized:
            return _hash("tensor", about, _of_tensor(plain.dequantize(), depth).digest())
        if plain.layout is not torch.strided:
            plain = plain.to_dense()
        plain = plain.resolve_conj().resolve_neg().cpu().contiguous()
        size = plain.numel() * plain.element_size()
        content = (ctypes.c_char * size).from_address(plain.data_ptr()) if size else b""
        return _hash("tensor", about, content)


def _named(value: Any) -> hashlib._Hash:
    if isinstance(value, Enum):
        return _hash("member", type(value).__qualname__.encode(), value.name.encode())
    is_named = isinstance(value, type) or inspect.isroutine(value)
    called = value.__qualname__ if is_named else type(value).__qualname__
    return _hash("object", type(value).__name__.encode(), called.encode())


def _hash(kind: str, *parts: Any) -> hashlib._Hash:  # anything that has bytes
    digest = hashlib.sha256(f"{kind} {len(parts)}\n".encode())
    for part in parts:
        digest.update(part)
    return digest
