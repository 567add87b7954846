"""Small weights that are really loaded by torch, and the digest that tells two of them apart.

Owns: making state dicts and files of them. Knows nothing of servers or repositories.
Invariant: one seed and shape give one digest on every machine. The file's own bytes may differ
between torch versions, so a test asks for the digest of the file that it made.
"""

import ctypes
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Shapes = Mapping[str, tuple[int, ...]]

TINY_SHAPES: Shapes = {"layer.weight": (2, 4), "layer.bias": (2,)}
"""The state dict of the tiny net that most stand-in repositories hold."""


def make_state_dict(seed: int, shapes: Shapes = TINY_SHAPES) -> "dict[str, torch.Tensor]":
    """Tensors of these shapes, other ones for each seed."""
    import torch

    source = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=source) for name, shape in shapes.items()}


def state_dict_bytes(seed: int, shapes: Shapes = TINY_SHAPES) -> bytes:
    """A state dict as `torch.save` writes it."""
    import torch

    stream = io.BytesIO()
    torch.save(make_state_dict(seed, shapes), stream)
    return stream.getvalue()


def make_state_dict_file(path: Path, seed: int, shapes: Shapes = TINY_SHAPES) -> str:
    """Write a state dict file; gives the file's sha256."""
    data = state_dict_bytes(seed, shapes)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def state_dict_digest(weights: Any) -> str:
    """The sha256 over the sorted names, dtypes, shapes and raw bytes of a module's tensors.

    Args:
        weights: a Module (scripted ones too), or a state dict: names and tensors.
    """
    state: Mapping[str, Any] = weights if isinstance(weights, Mapping) else weights.state_dict()
    whole = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        whole.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        if tensor.numel():
            size_bytes = tensor.numel() * tensor.element_size()
            whole.update(ctypes.string_at(tensor.data_ptr(), size_bytes))
    return whole.hexdigest()
