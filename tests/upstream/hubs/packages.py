"""Hub repositories that differ in what their code imports, calls and depends on."""

from tests.upstream.hubs.downloads import HEAD
from tests.upstream.hubs.records import (
    TINY,
    Entrypoint,
    HubRepo,
    describe,
    entrypoint,
    loader,
    put_weights,
)
from tests.upstream.repos import RepoBuilder
from tests.upstream.server import Upstream


def nested(up: Upstream, inner: HubRepo) -> HubRepo:
    """`outer` wraps the first entrypoint of another hub repository, loaded by `torch.hub.load`.

    The nested load names no ref and no `trust_repo`, as published code does.
    """
    target = inner.entrypoints[0]
    source = f'''{HEAD}import torch


def outer(pretrained=True):
    """A net of another repository."""
    return torch.hub.load("{inner.name}", "{target.name}", pretrained=pretrained)
'''
    builder = RepoBuilder.create(up, "acme/nested")
    builder.commit({"hubconf.py": source})
    return describe(builder, up, Entrypoint("outer", target.state_digest, target.weights))


def own_package(up: Upstream, name: str = "acme/own-package", *, seed: int = 30) -> HubRepo:
    """hubconf.py imports `net` from its own package `models`, which has sub-modules.

    Two of these, under two names and seeds, are the clash of modules that stock torch.hub
    answers with the code of whichever came first: `models.tiny.SEED` tells them apart.
    """
    weights = put_weights(up, f"/{name}/net.pth", seed=seed)
    files = {
        "hubconf.py": f"{HEAD}from models import net\n",
        "models/__init__.py": "from models.build import net\n",
        "models/build.py": (
            "import torch.hub\n\nfrom .layers.linear import Tiny\n" + loader("net", weights.url)
        ),
        "models/tiny.py": f"SEED = {seed}\n",
        "models/layers/__init__.py": "",
        "models/layers/linear.py": TINY,
    }
    builder = RepoBuilder.create(up, name)
    builder.commit(files)
    return describe(builder, up, entrypoint("net", weights))


def needs_missing_packages(up: Upstream) -> HubRepo:
    """`dependencies` names two packages that nobody has installed."""
    head = 'dependencies = ["torch", "not_installed_one", "not_installed_two"]\n'
    return _net_with(up, "acme/needs-missing-packages", head, {}, seed=31)


def needs_newer_torch(up: Upstream) -> HubRepo:
    """setup.py and requirements.txt ask for torch >= 99; hubconf.py does not."""
    files = {
        "requirements.txt": "torch>=99\n",
        "setup.py": 'import setuptools\n\nsetuptools.setup(install_requires=["torch>=99"])\n',
    }
    return _net_with(up, "acme/needs-newer-torch", HEAD, files, seed=32)


def _net_with(up: Upstream, name: str, head: str, files: dict[str, str], *, seed: int) -> HubRepo:
    weights = put_weights(up, f"/{name}/net.pth", seed=seed)
    builder = RepoBuilder.create(up, name)
    builder.commit({**files, "hubconf.py": head + TINY + loader("net", weights.url)})
    return describe(builder, up, entrypoint("net", weights))
