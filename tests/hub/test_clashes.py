"""Which names of a repo's modules are somebody else's too."""

from __future__ import annotations

import _heapq
import shutil
import sys
from pathlib import Path

import pytest

import hubmirror
from hubmirror.hub import clashes
from tests.hub.small_mirror import SmallRepo, publish


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_the_names_of_a_repo_are_those_of_its_code(tmp_path: Path) -> None:
    folder = files(
        tmp_path / "repo",
        "hubconf.py",
        "one.py",
        "package/__init__.py",
        "namespace/part.py",
        "deep/er/part.py",
        "data/weights.txt",
        "not-a-name/part.py",
        "queue.py",  # Python's own, which Python finds first
    )

    assert clashes.own_names(folder) == {"one", "package", "namespace", "deep"}


def test_what_the_process_could_import_from_elsewhere_clashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = files(tmp_path / "mine", "clash.py", "tests/__init__.py", "weights/a.pth")
    monkeypatch.syspath_prepend(mine)
    repo = files(
        tmp_path / "repo", "clash.py", "tests/__init__.py", "weights/__init__.py", "own.py"
    )

    found = clashes.importable_elsewhere(repo, clashes.own_names(repo))

    assert found == {"clash": str(mine / "clash.py")}


def test_a_repo_does_not_clash_with_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = files(tmp_path / "repo", "clash.py")
    monkeypatch.syspath_prepend(repo)

    assert not clashes.importable_elsewhere(repo, {"clash"})


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a compiled part: one of Python's own, which loads anywhere."""
    package = tmp_path / "site-packages" / "compiled_net"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from compiled_net import _heapq\nNAME = 'installed'")
    shutil.copy(str(_heapq.__file__), package)
    monkeypatch.syspath_prepend(package.parent)
    return package


def test_an_installed_package_with_compiled_parts_is_not_shadowed_by_a_repo(
    mirror: Path, compiled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hubconf = "import compiled_net\ndef name(): return compiled_net.NAME, compiled_net.__file__"
    tree = {"hubconf.py": hubconf, "compiled_net/__init__.py": "NAME = 'not compiled'"}
    publish(mirror, [SmallRepo("acme/nets", {"main": tree})])

    got = [hubmirror.load("acme/nets", "name", mirror=mirror) for _ in range(2)]

    assert got == [("installed", str(compiled / "__init__.py"))] * 2
    assert "the installed one is used" in caplog.text
    assert len(caplog.records) == 1
    assert sys.modules["compiled_net"].NAME == "installed"
