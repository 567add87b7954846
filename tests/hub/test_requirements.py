"""What a repo needs is asked before its code runs, and answered all at once."""

from pathlib import Path

import pytest

import hubmirror
from hubmirror.errors import MissingDependencyError
from hubmirror.hub import requirements
from hubmirror.hub.requirements import Repo
from tests.hub.small_mirror import SmallRepo, Tree, publish


def repo(folder: Path, *dependencies: str, requires_torch: str = "") -> Repo:
    return Repo("acme/nets", folder, (), dependencies, requires_torch)


def load(mirror: Path, tree: Tree, requires_torch: str = "") -> object:
    publish(mirror, [SmallRepo("acme/nets", {"main": tree}, requires_torch=requires_torch)])
    return hubmirror.load("acme/nets", "net", mirror=mirror)


def test_all_that_is_missing_comes_at_once_before_any_code_runs(
    mirror: Path, tmp_path: Path
) -> None:
    hubconf = (
        "dependencies = ['torch', 'cv2', 'not_there', 'PIL.Image', 'dora-search', 'no.such.part']\n"
        f"open({str(tmp_path / 'ran')!r}, 'w')\n"
        "def net(): pass\n"
    )

    with pytest.raises(MissingDependencyError) as caught:
        load(mirror, {"hubconf.py": hubconf})

    missing = "cv2, not_there, PIL.Image, dora-search, no.such.part"
    assert caught.value.message == f"acme/nets: missing dependencies: {missing}"
    assert caught.value.hint == (
        "pip install opencv-python not_there Pillow dora-search no.such.part"
    )
    assert not (tmp_path / "ran").exists()


def test_a_package_of_the_repo_itself_is_there(mirror: Path) -> None:
    tree = {
        "hubconf.py": "dependencies = ['own_one', 'own_two']\ndef net(): return 1",
        "own_one/__init__.py": "",
        "own_two.py": "",
    }

    assert load(mirror, tree) == 1


def test_a_name_of_pip_is_as_good_as_a_module(mirror: Path) -> None:
    hubconf = "dependencies = ['typing-extensions', 'PyYAML', 'jinja2']\ndef net(): return 1"

    assert load(mirror, {"hubconf.py": hubconf}) == 1


def test_a_local_folder_is_asked_too(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text("dependencies = ['cv2', 'av']\ndef net(): pass")

    with pytest.raises(MissingDependencyError, match="missing dependencies: cv2, av"):
        hubmirror.load(str(tmp_path), "net")
    with pytest.raises(MissingDependencyError, match="missing dependencies: cv2, av"):
        hubmirror.help(str(tmp_path), "net")


def test_a_torch_that_is_too_old_is_named_with_the_one_that_is_wanted(mirror: Path) -> None:
    with pytest.raises(MissingDependencyError, match=r"needs torch 99\.1 or newer, this is 2\."):
        load(mirror, {"hubconf.py": "def net(): pass"}, requires_torch="99.1")


@pytest.mark.parametrize(
    ("here", "wanted"),
    [("2.13.0+cpu", "1.10"), ("2.6.0", "2.6"), ("2.6", "2.6.0"), ("2.10.0a0+git12", "2.9"),
     ("2.13.0", "")],
)  # fmt: skip
def test_a_torch_that_is_new_enough_is_accepted(tmp_path: Path, here: str, wanted: str) -> None:
    requirements.check(repo(tmp_path, requires_torch=wanted), here)


@pytest.mark.parametrize(("here", "wanted"), [("2.9.1", "2.10"), ("1.13.1+cu117", "2")])
def test_versions_are_compared_as_numbers(tmp_path: Path, here: str, wanted: str) -> None:
    with pytest.raises(MissingDependencyError) as caught:
        requirements.check(repo(tmp_path, requires_torch=wanted), here)

    assert caught.value.hint == f"pip install 'torch>={wanted}'"


@pytest.mark.parametrize("place", ["import cv2\ndef net(): pass", "def net(): import cv2"])
def test_an_undeclared_dependency_is_named_with_how_to_install_it(mirror: Path, place: str) -> None:
    with pytest.raises(MissingDependencyError, match="needs cv2, which is not installed") as caught:
        load(mirror, {"hubconf.py": place})

    assert caught.value.hint == "pip install opencv-python"
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize("line", ["import own.gone", "import json.gone", "from json import gone"])
def test_an_import_that_no_install_would_mend_passes_unchanged(mirror: Path, line: str) -> None:
    with pytest.raises(ImportError, match="gone"):
        load(mirror, {"hubconf.py": f"def net():\n    {line}", "own/__init__.py": ""})


def test_a_nested_repos_import_error_reaches_the_code_that_expects_it(mirror: Path) -> None:
    outer = (
        "import torch\n"
        "def net():\n"
        "    try: torch.hub.load('acme/inner', 'net')\n"
        "    except ImportError: return 'without'\n"
    )
    inner = SmallRepo("acme/inner", {"main": {"hubconf.py": "def net(): import cv2"}})
    publish(mirror, [SmallRepo("acme/outer", {"main": {"hubconf.py": outer}}), inner])

    assert hubmirror.load("acme/outer", "net", mirror=mirror) == "without"
