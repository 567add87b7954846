"""What a ready-made hub repository promises, and the two steps every one of them is made by.

Owns: the records and the tiny net. Knows nothing of the individual repositories.
Invariant: a record is complete: a test needs no second look at the repository to know what a
load of an entrypoint must give.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from tests.upstream.repos import RepoBuilder
from tests.upstream.server import Upstream
from tests.upstream.weights import TINY_SHAPES, Shapes, make_state_dict, state_dict_bytes
from tests.upstream.weights import state_dict_digest as digest_of

TINY = """
import torch


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
        for parameter in self.parameters():
            torch.nn.init.constant_(parameter, 0.5)

    def forward(self, x):
        return self.layer(x)
"""
"""The source of a net whose untrained weights are always the same."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A checkpoint on the upstream.

    `url` is how code asks for it; `served_at` is where it really is, which is the same unless
    the code names a host of the real internet.
    """

    url: str
    served_at: str
    sha256: str
    size_bytes: int
    state_digest: str


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """A callable of a hubconf; called without arguments it loads these files.

    `state_digest` is that of the loaded model, or "" where nothing can be loaded.
    """

    name: str
    state_digest: str = ""
    weights: tuple[WeightFile, ...] = ()


@dataclass(frozen=True, slots=True)
class HubRepo:
    """A hub repository on the upstream; `refs` maps `heads/NAME` and `tags/NAME` to commits."""

    name: str
    url: str
    default_branch: str
    refs: Mapping[str, str]
    entrypoints: tuple[Entrypoint, ...]

    @property
    def commit(self) -> str:
        """The tip of the default branch."""
        return self.refs[f"heads/{self.default_branch}"]

    @property
    def weights(self) -> tuple[WeightFile, ...]:
        """Every checkpoint of every entrypoint, once."""
        return tuple(dict.fromkeys(one for entry in self.entrypoints for one in entry.weights))

    def entrypoint(self, name: str) -> Entrypoint:
        """The entrypoint of this name."""
        return next(entry for entry in self.entrypoints if entry.name == name)


def put_weights(
    up: Upstream, path: str, *, seed: int, shapes: Shapes = TINY_SHAPES, url: str = ""
) -> WeightFile:
    """Serve a state dict; `{sha8}` in the path becomes the first 8 digits of its sha256.

    Args:
        up: where to.
        path: the path it is served under.
        seed: another one gives other weights.
        shapes: of the tensors.
        url: how code will ask for it, if not by its address here.
    """
    data = state_dict_bytes(seed, shapes)
    sha256 = hashlib.sha256(data).hexdigest()
    served_at = up.put(path.replace("{sha8}", sha256[:8]), data)
    digest = digest_of(make_state_dict(seed, shapes))
    return WeightFile(url or served_at, served_at, sha256, len(data), digest)


def entrypoint(name: str, *weights: WeightFile) -> Entrypoint:
    """An entrypoint whose model has the weights of the last of these files."""
    return Entrypoint(name, weights[-1].state_digest, weights)


def describe(builder: RepoBuilder, up: Upstream, *entrypoints: Entrypoint) -> HubRepo:
    """The record of a repository as it now is."""
    branch = builder.default_branch
    return HubRepo(builder.name, up.git_url(builder.name), branch, builder.refs(), entrypoints)


def loader(name: str, url: str, *, fetch: str = "torch.hub.load_state_dict_from_url") -> str:
    """The source of an entrypoint that loads one state dict into the tiny net."""
    return f'''

def {name}(pretrained=True, **kwargs):
    """The tiny net `{name}`."""
    net = Tiny()
    if pretrained:
        net.load_state_dict({fetch}("{url}", progress=False))
    return net
'''
