"""``install`` covers a whole process, ``on_miss`` opens it, and both can be taken back."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import torch

import hubmirror
from hubmirror.errors import InvalidInputError, NotFoundError, OfflineMissError
from hubmirror.hub import hooks
from tests.hub.small_mirror import SmallRepo, publish, weights
from tests.upstream import Upstream

URL = "https://weights.example/net.pth"
LIBRARIES = (
    "requests", "httpx", "httpx2", "huggingface_hub.file_download",
    "huggingface_hub._snapshot_download",
)  # fmt: skip
HUBCONF = f"import torch\ndef net(): return torch.hub.load_state_dict_from_url({URL!r})['value']"


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    yield
    hubmirror.uninstall()


@pytest.fixture
def nets(mirror: Path) -> Path:
    publish(
        mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": HUBCONF}}, {URL: weights(3.0)})]
    )
    return mirror


def load(url: str = URL) -> float:
    state: Any = torch.hub.load_state_dict_from_url(url)
    return float(state["value"])


def test_all_threads_are_served_those_that_run_already_too(nets: Path) -> None:
    go, got = threading.Event(), []

    def before() -> None:
        go.wait(30)
        got.append(load())

    thread = threading.Thread(target=before)
    thread.start()
    hubmirror.install(nets)
    go.set()
    thread.join(30)

    stock: Any = torch.hub
    assert got == [3.0]
    assert float(stock.load("acme/nets", "net")) == 3.0


def test_the_network_is_refused_until_it_is_uninstalled(nets: Path) -> None:
    before = (torch.hub.load_state_dict_from_url.__code__, threading.Thread.start, dict(os.environ))

    hubmirror.install(nets)
    with pytest.raises(OfflineMissError, match="gone"):
        urlopen("https://weights.example/gone")
    hubmirror.uninstall()
    hubmirror.uninstall()

    after = (torch.hub.load_state_dict_from_url.__code__, threading.Thread.start, dict(os.environ))
    assert after == before


def test_installed_again_it_is_what_was_said_last(nets: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    publish(other, loose={URL: weights(4.0)})

    hubmirror.install(nets)
    hubmirror.install(other)
    again = load()
    with pytest.raises(NotFoundError):
        hubmirror.install(tmp_path / "nowhere")

    assert (again, load()) == (4.0, 4.0)


def test_a_scope_inside_outranks_it(nets: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    publish(other, loose={URL: weights(4.0)})
    hubmirror.install(nets)

    with hubmirror.offline(other):
        inner = load()

    assert (inner, load()) == (4.0, 3.0)


def test_libraries_are_told_to_stay_offline_and_what_the_user_says_stays(
    nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLO_OFFLINE", "mine")
    monkeypatch.delenv("YOLO_AUTOINSTALL", raising=False)

    with hubmirror.offline(nets):
        inside = os.environ["YOLO_OFFLINE"], os.environ["YOLO_AUTOINSTALL"]
        os.environ["HF_HUB_OFFLINE"] = "changed"

    assert inside == ("mine", "false")
    assert os.environ["YOLO_OFFLINE"] == "mine"
    assert "YOLO_AUTOINSTALL" not in os.environ
    assert os.environ.pop("HF_HUB_OFFLINE") == "changed"


def test_every_layer_answers_on_this_torch(nets: Path) -> None:
    for name in LIBRARIES:
        importlib.import_module(name)

    states = hooks.layers()

    assert len(states) >= 9
    assert [state for state in states if not state.is_active] == []


# --- on_miss ----------------------------------------------------------------------------


def test_online_a_miss_is_left_to_stock_torch_hub(nets: Path, upstream: Upstream) -> None:
    url = upstream.put("/dir/other.pth", weights(5.0))

    with hubmirror.offline(nets, on_miss="online"):
        got = load(), load(url)

    assert got == (3.0, 5.0)


def test_online_a_machine_without_a_mirror_is_a_plain_one(upstream: Upstream) -> None:
    url = upstream.put("/dir/other.pth", weights(5.0))

    with hubmirror.offline(on_miss="online"):
        assert load(url) == 5.0


def test_online_by_the_environment(
    nets: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBMIRROR", str(nets))
    monkeypatch.setenv("HUBMIRROR_ON_MISS", "online")
    url = upstream.put("/dir/other.pth", weights(5.0))

    state: Any = hubmirror.load_state_dict_from_url(url)

    assert float(state["value"]) == 5.0


def test_online_a_repo_is_stock_torch_hubs_to_find(
    nets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "torch"
    folder = home / "hub" / "acme_own_main"
    folder.mkdir(parents=True)
    (folder / "hubconf.py").write_text("def net(): return 6")
    monkeypatch.setenv("TORCH_HOME", str(home))
    monkeypatch.setenv("HUBMIRROR_ON_MISS", "online")
    stock: Any = torch.hub

    with hubmirror.offline(nets):
        direct = stock.load("acme/own:main", "net", trust_repo=True)
    ours = hubmirror.load("acme/own:main", "net", trust_repo=True, mirror=nets)
    names = hubmirror.list("acme/own:main", trust_repo=True, mirror=nets)

    assert (direct, ours, names) == (6, 6, ["net"])


def test_on_miss_is_one_of_two_words(nets: Path) -> None:
    with (
        pytest.raises(InvalidInputError, match="expected one of error, online, got 'ask'"),
        hubmirror.offline(nets, on_miss="ask"),
    ):
        pass
