"""The main job from end to end on one machine, in words that a newcomer understands.

Starts an upstream on loopback (a real git server and a web server), runs ``hubmirror sync``
as a user would, stops the upstream, and loads the model in a fresh process that may not use
the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.upstream import RepoBuilder, Upstream, make_state_dict_file

HUBCONF = '''"""A hub repo as people write them: it fetches its weights by URL."""
dependencies = ["torch"]

import torch
from torch.hub import load_state_dict_from_url


class TinyNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x).softmax(dim=-1)


def tinynet(pretrained=False, progress=True):
    """A net with one layer, trained on nothing."""
    net = TinyNet()
    if pretrained:
        net.load_state_dict(load_state_dict_from_url("WEIGHTS_URL", progress=progress))
    return net
'''

LOAD = """
import hubmirror, torch
model = hubmirror.load("demo/tinynet:v1.0", "tinynet", pretrained=True)
print("the model says:", model(torch.tensor([[1.0, 2.0, 3.0, 4.0]])).detach().tolist())
"""

REFUSED = """
import hubmirror, urllib.request
with hubmirror.offline():
    try:
        urllib.request.urlopen("http://example.org/")
    except OSError as error:
        print("any other way out is refused:", str(error).splitlines()[0])
"""

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "quickstart"


def main() -> None:
    """Run every step, and stop at the first that fails."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    environment = _environment()

    step("1. An upstream on this machine stands in for the internet")
    with Upstream(FOLDER / "upstream") as upstream:
        _publish(upstream)
        manifest = FOLDER / "manifest.yaml"
        text = (ROOT / "config" / "quickstart.yaml").read_text(encoding="utf-8")
        manifest.write_text(text.replace("http://127.0.0.1:8765", upstream.base_url))
        print(f"   {upstream.base_url} serves the git repo demo/tinynet and its weights")

        step("2. Sync: clone the repo, fetch and hash the weights, publish")
        run(environment, "hubmirror", "sync", "build/quickstart/manifest.yaml")

        step("3. Sync again: nothing has changed, so nothing is fetched")
        run(environment, "hubmirror", "sync", "build/quickstart/manifest.yaml")

    step("4. What the mirror holds")
    run(environment, "hubmirror", "list")
    run(environment, "hubmirror", "verify")

    step("5. The upstream is gone. Load the model in a fresh process, with no network")
    run(environment, "python", "-c", LOAD)
    run(environment, "python", "-c", REFUSED)

    step("It works. Now with your own repos:")
    print("   cp config/manifest.example.yaml manifest.yaml   # and edit it")
    print("   .venv/bin/hubmirror sync manifest.yaml --mirror ./mirror")
    print("   HUBMIRROR=./mirror .venv/bin/python -c 'import hubmirror; ", end="")
    print('hubmirror.load("pytorch/vision:v0.10.0", "alexnet", pretrained=True)\'')


def _publish(upstream: Upstream) -> None:
    weights = FOLDER / "tinynet.pth"
    make_state_dict_file(weights, 1, {"layer.weight": (3, 4), "layer.bias": (3,)})
    url = upstream.put("/weights/tinynet.pth", weights)
    builder = RepoBuilder.create(upstream, "demo/tinynet")
    builder.commit({"hubconf.py": HUBCONF.replace("WEIGHTS_URL", url), "README.md": "TinyNet\n"})
    builder.tag("v1.0")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBMIRROR")}
    return kept | {
        "HUBMIRROR": str(FOLDER / "mirror"),
        "HUBMIRROR_STATE": str(FOLDER / "state"),
        "HUBMIRROR_CACHE": str(FOLDER / "cache"),
        "NO_PROXY": "127.0.0.1",
    }


def step(title: str) -> None:
    """Say what comes next."""
    print(f"\n{title}", flush=True)


def run(environment: dict[str, str], program: str, *arguments: str) -> None:
    """Show a command, run it, and show what it prints."""
    shown = "'...'" if "-c" in arguments else " ".join(arguments[-1:])
    words = [program, *arguments[:-1], shown] if arguments else [program]
    print(f"   $ {' '.join(words)}", flush=True)
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        print(f"     {line}", flush=True)
    if done.returncode:
        sys.exit(f"quickstart: {program} ended with exit code {done.returncode}")


if __name__ == "__main__":
    main()
