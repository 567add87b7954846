"""Hub repositories that differ in how their code asks for weights."""

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
from tests.upstream.weights import make_state_dict, state_dict_bytes, state_dict_digest

HEAD = 'dependencies = ["torch"]\n'


def plain_weights(up: Upstream, name: str = "acme/plain-weights") -> HubRepo:
    """`small` and `large` load by `torch.hub.load_state_dict_from_url`; tag `v1.0`."""
    small = put_weights(up, f"/{name}/small.pth", seed=1)
    large = put_weights(up, f"/{name}/large.pth", seed=2)
    source = HEAD + TINY + loader("small", small.url) + loader("large", large.url)
    builder = RepoBuilder.create(up, name)
    builder.commit({"hubconf.py": source, "README.md": "# Plain weights\n"})
    builder.tag("v1.0")
    return describe(builder, up, entrypoint("small", small), entrypoint("large", large))


def hashed_names(up: Upstream) -> HubRepo:
    """The file's name carries the start of its sha256, and the code checks it."""
    name = "acme/hashed-names"
    weights = put_weights(up, f"/{name}/net-{{sha8}}.pth", seed=3)
    source = HEAD + TINY + loader("net", weights.url)
    builder = RepoBuilder.create(up, name)
    builder.commit({"hubconf.py": source.replace("progress=", "check_hash=True, progress=")})
    return describe(builder, up, entrypoint("net", weights))


def same_basename(up: Upstream) -> HubRepo:
    """Two entrypoints, two URLs that end in `weights.pth`, different weights.

    Stock torch.hub gives the second entrypoint the weights of the first.
    """
    name = "acme/same-basename"
    first = put_weights(up, f"/{name}/first/weights.pth", seed=4)
    second = put_weights(up, f"/{name}/second/weights.pth", seed=5)
    source = HEAD + TINY + loader("first", first.url) + loader("second", second.url)
    builder = RepoBuilder.create(up, name)
    builder.commit({"hubconf.py": source})
    return describe(builder, up, entrypoint("first", first), entrypoint("second", second))


def early_bound(up: Upstream) -> HubRepo:
    """Three entrypoints whose download functions were bound by name at import.

    `by_hub` from torch.hub, `by_zoo` from torch.utils.model_zoo, `by_file` downloads to a file
    of its own choice and loads that.
    """
    name = "acme/early-bound"
    by_hub = put_weights(up, f"/{name}/by_hub.pth", seed=6)
    by_zoo = put_weights(up, f"/{name}/by_zoo.pth", seed=7)
    by_file = put_weights(up, f"/{name}/by_file.pth", seed=8)
    imports = (
        "import os\nimport tempfile\n\n"
        "from torch.hub import download_url_to_file, load_state_dict_from_url\n"
        "from torch.utils.model_zoo import load_url\n"
    )
    source = (
        HEAD
        + imports
        + TINY
        + EARLY_BOUND_FILE
        + loader("by_hub", by_hub.url, fetch="load_state_dict_from_url")
        + loader("by_zoo", by_zoo.url, fetch="load_url")
        + loader("by_file", by_file.url, fetch="_load_file")
    )
    builder = RepoBuilder.create(up, name)
    builder.commit({"hubconf.py": source})
    entries = (("by_hub", by_hub), ("by_zoo", by_zoo), ("by_file", by_file))
    return describe(builder, up, *(entrypoint(*entry) for entry in entries))


EARLY_BOUND_FILE = """

def _load_file(url, progress):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.pth")
        download_url_to_file(url, path, progress=progress)
        return torch.load(path, weights_only=True)
"""


def in_repo_weights(up: Upstream) -> HubRepo:
    """The weights are committed beside hubconf.py, which finds them by its own `__file__`."""
    source = (
        "import os\n"
        + HEAD
        + TINY
        + '''
WEIGHTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weights", "net.pth")


def net(pretrained=True):
    """The tiny net, with weights from the repository itself."""
    model = Tiny()
    if pretrained:
        model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    return model
'''
    )
    builder = RepoBuilder.create(up, "acme/in-repo-weights")
    builder.commit({"hubconf.py": source, "weights/net.pth": state_dict_bytes(9)})
    return describe(builder, up, Entrypoint("net", state_dict_digest(make_state_dict(9))))
