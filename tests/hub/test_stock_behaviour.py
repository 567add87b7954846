"""What scripts written for torch.hub rely on, seen through ``torch.hub`` itself.

Each rule here is one that PyTorch's own tests of torch.hub hold. Their rules about the download
and about the question of trust have no place here: a mirror does neither.
"""

import builtins
import io
import stat
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import hubmirror
from tests.hub.small_mirror import SmallRepo, publish, weights

stock: Any = torch.hub  # its functions have no types

URL = "https://weights.example/releases/ones"
OLD_URL, ZIPPED_URL = f"{URL}.old", f"{URL}.zip"
HUBCONF = f"""
import torch
from network import Network

def ones(url={URL!r}):
    "A network of ones."
    return Network(torch.hub.load_state_dict_from_url(url))
"""
TREE = {
    "hubconf.py": HUBCONF,
    "network.py": "class Network:\n    def __init__(self, state):\n        self.state = state\n",
}
ONES = {"value": torch.tensor(1.0)}


@pytest.fixture(autouse=True)
def _served(mirror: Path, tmp_path: Path) -> Iterator[None]:
    held = {URL: weights(1.0), OLD_URL: old_weights(), ZIPPED_URL: zipped(old_weights())}
    repo = SmallRepo(
        "acme/example", {"master": TREE, "ci/slash": TREE}, held, default_branch="master"
    )
    publish(mirror, [repo])
    before = stock._hub_dir
    stock.set_dir(tmp_path / "hub")
    with hubmirror.offline(mirror):
        yield
    stock._hub_dir = before


def old_weights() -> bytes:
    """Return the same state dict as torch before 1.6 saved it."""
    buffer = io.BytesIO()
    torch.save(ONES, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ones", content)
    return buffer.getvalue()


@pytest.mark.parametrize("spec", ["acme/example", "acme/example:master", "acme/example:ci/slash"])
def test_a_spec_loads_with_its_weights(spec: str) -> None:
    model = stock.load(spec, "ones", source="github", verbose=False)

    assert model.state == ONES


@pytest.mark.parametrize("arguments", [{}, {"calling_fn": None}])  # the latter before torch 2.13
def test_the_folder_of_a_repo_loads_as_a_local_one(arguments: dict[str, Any]) -> None:
    folder = stock._get_cache_or_reload("acme/example", False, True, **arguments)

    assert stock.load(folder, "ones", source="local").state == ONES


def test_the_hub_folder_stays_the_one_that_was_set(tmp_path: Path) -> None:
    stock.set_dir("~/models")

    stock.load("acme/example", "ones", verbose=False)

    assert stock.get_dir() == str(tmp_path / "home" / "models")


def test_entrypoints_and_their_docstrings_are_told() -> None:
    names = stock.list("acme/example", trust_repo=True)
    doc = stock.help("acme/example", "ones", trust_repo=True)

    assert "ones" in names
    assert doc == "A network of ones."


@pytest.mark.parametrize("url", [URL, OLD_URL])
def test_a_downloaded_file_is_as_any_file_of_the_user(url: str, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy", tmp_path / "other"
    other.touch()

    stock.download_url_to_file(url, str(copy), progress=False)

    assert torch.load(copy) == ONES
    assert stat.filemode(copy.stat().st_mode) == stat.filemode(other.stat().st_mode)


@pytest.mark.parametrize("arguments", [{}, {"file_name": "mine"}, {"weights_only": True}])
@pytest.mark.parametrize("url", [URL, OLD_URL])
def test_a_state_dict_is_the_same_however_it_is_asked_for(
    url: str, arguments: dict[str, Any]
) -> None:
    assert stock.load_state_dict_from_url(url, **arguments) == ONES


def test_an_archive_around_old_weights_loads(recwarn: pytest.WarningsRecorder) -> None:
    assert stock.load("acme/example", "ones", url=ZIPPED_URL, verbose=False).state == ONES


def test_an_archive_around_old_weights_is_said_to_be_deprecated() -> None:
    with pytest.warns(FutureWarning, match="deprecated"):
        stock.load("acme/example", "ones", url=ZIPPED_URL, verbose=False)


def test_a_spec_is_told_apart_with_the_mirrored_default_branch() -> None:
    assert stock._parse_repo_info("other/repo:ref") == ("other", "repo", "ref")
    assert stock._parse_repo_info("acme/example") == ("acme", "example", "master")


@pytest.mark.parametrize("trust_repo", [True, False, "check", None])
def test_trust_is_neither_asked_for_nor_written_down(
    trust_repo: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("somebody was asked"))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stock.load("acme/example", "ones", trust_repo=trust_repo, verbose=False)

    assert not (tmp_path / "hub" / "trusted_list").exists()
