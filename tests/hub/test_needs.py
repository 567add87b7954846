"""What a repo's files say that it needs of others."""

from pathlib import Path

import pytest

from hubmirror.hub.needs import needs
from tests.hub.small_mirror import tar_of


def needed(tmp_path: Path, **files: str) -> tuple[str, ...]:
    tree = {f"{_path(name)}.py": text for name, text in files.items()}
    snapshot = tmp_path / "snapshot.tar"
    snapshot.write_bytes(tar_of(tree))
    return needs(snapshot)[0]


def _path(name: str) -> str:
    folder = name.removesuffix("____init__")
    return name.replace("__", "/") if folder == name else f"{folder}/__init__"


@pytest.mark.parametrize(
    "statement",
    ["import models.net", "from models import net", "from models.net import Net",
     "from models import *\nfrom models.net import *"],
)  # fmt: skip
def test_imports_are_followed_into_the_repos_own_modules(tmp_path: Path, statement: str) -> None:
    found = needed(tmp_path, hubconf=statement, models__net="import there.inner")

    assert found == ("there",)


def test_packages_on_the_way_and_relative_imports_are_followed(tmp_path: Path) -> None:
    found = needed(
        tmp_path,
        hubconf="import models.net",
        models____init__="import first",
        models__net="from . import part\nfrom .part import x\nfrom .. import nothing",
        models__part="from ..beyond import y\nimport second",
    )

    assert found == ("first", "second")


def test_what_may_be_missing_does_not_count(tmp_path: Path) -> None:
    found = needed(
        tmp_path,
        hubconf=(
            "import os, json\nfrom __future__ import annotations\n"
            "try:\n    import faster\nexcept ImportError: pass\n"
            "if False:\n    import never\n"
            "def entry():\n    import later\n"
        ),
    )

    assert found == ()


def test_a_module_in_a_folder_that_the_code_adds_is_the_repos_own(tmp_path: Path) -> None:
    assert needed(tmp_path, hubconf="import inner.part", src__inner__part="") == ()


def test_a_repo_without_python_that_can_be_read_needs_nothing(tmp_path: Path) -> None:
    assert needed(tmp_path, hubconf="from models import") == ()
    assert needed(tmp_path, other="import numpy") == ()
