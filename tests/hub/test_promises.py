"""What torch.hub gets wrong in the field, done as real repos do it, and what holds here.

docs/loading.md lists every such promise with the test that holds it; those that fit no other file
are here.
"""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch

import hubmirror
from tests.hub.small_mirror import SmallRepo, publish, weights

URL = "https://weights.example/net.pth"

# As yolov5 does: requirements are checked and installed at import, updates asked for, a font
# fetched, and each failure is caught and printed.
SELF_UPDATING = f"""
import os, subprocess, urllib.request
import torch

def attempt(step):
    try:
        return step()
    except Exception as error:
        print("skipped:", error)

attempt(lambda: os.system("pip install -U acme-nets"))
attempt(lambda: subprocess.check_output("pip install 'opencv-python>=4'", shell=True))
attempt(lambda: subprocess.run(["git", "fetch", "origin"], check=True))
attempt(lambda: urllib.request.urlopen("https://pypi.example/pypi/acme-nets/json", timeout=3))
attempt(lambda: torch.hub.download_url_to_file("https://acme.example/Arial.ttf", "Arial.ttf"))
ASKED = [os.environ[name] for name in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLOv5_AUTOINSTALL")]

def net():
    return torch.hub.load_state_dict_from_url({URL!r})["value"].item(), ASKED
"""

# As NVIDIA's and fairseq's code does: torch's own folder is asked for by a private function.
OWN_CACHE = f"""
import os, torch
def net():
    folder = os.path.join(torch.hub._get_torch_home(), "checkpoints")
    os.makedirs(folder, exist_ok=True)
    place = os.path.join(folder, "net.pth")
    torch.hub.download_url_to_file({URL!r}, place)
    return torch.load(place)["value"].item()
"""


def test_a_repo_that_updates_itself_at_import_loads_all_the_same(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tree = {"hubconf.py": SELF_UPDATING}
    publish(mirror, [SmallRepo("acme/nets", {"main": tree}, {URL: weights(3.0)})])

    got = hubmirror.load("acme/nets", "net", mirror=mirror)

    assert got == (3.0, ["true", "false", "false"])
    assert not (tmp_path / "Arial.ttf").exists()


@pytest.mark.parametrize("way", ["TORCH_HOME", "set_dir", "neither"])
def test_weights_are_answered_by_url_wherever_torchs_folders_lie(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": OWN_CACHE}})], {
        URL: weights(3.0)
    })  # fmt: skip
    stock: Any = torch.hub
    before = stock._hub_dir
    if way == "TORCH_HOME":
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))
    elif way == "set_dir":
        stock.set_dir(tmp_path / "set")

    try:
        from_repo = hubmirror.load("acme/nets", "net", mirror=mirror)
        with hubmirror.offline(mirror):
            state: Any = stock.load_state_dict_from_url(URL)
    finally:
        stock._hub_dir = before

    assert (from_repo, state["value"].item()) == (3.0, 3.0)


def test_a_load_never_waits_for_a_network_that_does_not_answer(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gets as far as the resolver or urllib would wait for ever; here that is an error."""

    def hang(*_: object, **__: object) -> None:
        raise AssertionError("this would have waited for the network")

    inner = SmallRepo("acme/inner", {"main": {"hubconf.py": "def net(): return 1.0"}})
    hubconf = (
        "import torch\n"
        "def net():\n"
        f"    state = torch.hub.load_state_dict_from_url({URL!r})\n"
        "    return torch.hub.load('acme/inner', 'net') + state['value'].item()"
    )
    outer = SmallRepo("acme/outer", {"main": {"hubconf.py": hubconf}}, {URL: weights(3.0)})
    publish(mirror, [inner, outer])
    monkeypatch.setattr("socket.getaddrinfo", hang)
    monkeypatch.setattr(urllib.request, "urlopen", hang)
    monkeypatch.setattr("torch.hub.urlopen", hang)

    assert hubmirror.load("acme/outer", "net", mirror=mirror) == 4.0
