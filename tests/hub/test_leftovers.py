"""What a hubconf changes in the process is undone after the load, also after one that fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import hubmirror
from tests.hub.small_mirror import SmallRepo, publish

CHANGES = {
    "search path": "sys.path[:0] = ['/left/behind']",
    "search path taken away": "sys.path.pop()",
    "hub folder": "torch.hub.set_dir('/elsewhere')",
    "new variable": "os.environ['LEFT_BEHIND'] = '1'",
    "changed variable": "os.environ['HOME'] = '/elsewhere'",
    "removed variable": "del os.environ['HOME']",
    "working directory": "os.chdir('/')",
    "grad mode": "torch.set_grad_enabled(False)",
    "dtype": "torch.set_default_dtype(torch.float64)",
}


def state() -> dict[str, Any]:
    return {
        "path": sys.path.copy(),
        "hub": torch.hub.get_dir(),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "grad": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
    }


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    path = sys.path.copy()
    yield
    sys.path[:] = path
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


def load(mirror: Path, hubconf: str) -> Any:
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}})])
    with hubmirror.offline(mirror, isolate="always"):  # which leaves no folder on sys.path
        return hubmirror.load("acme/nets", "net")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_an_import_of_hubconf_changes_is_undone(mirror: Path, change: str) -> None:
    before = state()

    load(mirror, f"import os, sys, torch\n{change}\ndef net(): pass")

    assert state() == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_an_entrypoint_changes_is_undone_though_it_fails(mirror: Path, change: str) -> None:
    before = state()

    with pytest.raises(ValueError, match="late"):
        load(
            mirror,
            f"import os, sys, torch\ndef net():\n    {change}\n    raise ValueError('too late')",
        )

    assert state() == before


def test_a_repo_that_does_not_clash_stays_importable_at_the_end_of_the_path(mirror: Path) -> None:
    hubconf = (
        "import os, sys\n"
        "sys.path.append(os.path.join(os.path.dirname(__file__), 'left_src'))\n"
        "def net(): return os.path.dirname(__file__)\n"
    )
    tree = {"hubconf.py": hubconf, "left_src/left_late.py": "NAME = 1", "left_too.py": "NAME = 2"}
    publish(mirror, [SmallRepo("acme/nets", {"main": tree})])
    before = sys.path.copy()

    folder, again = [hubmirror.load("acme/nets", "net", mirror=mirror) for _ in range(2)]

    assert folder == again
    assert sys.path == [*before, f"{folder}/left_src", folder]


def test_a_nested_load_leaves_the_outer_one_its_own_hub_folder(mirror: Path) -> None:
    outer = (
        "import os, torch\n"
        "def net():\n"
        "    here = torch.hub.get_dir()\n"
        "    inner = torch.hub.load('acme/inner', 'net')\n"
        "    return os.path.dirname(os.path.dirname(__file__)), here, inner, torch.hub.get_dir()\n"
    )
    inner = "import torch\ndef net(): return torch.hub.get_dir()"
    repos = {"outer": outer, "inner": inner}
    publish(mirror, [SmallRepo(f"acme/{n}", {"main": {"hubconf.py": c}}) for n, c in repos.items()])

    folder, during, nested, after = hubmirror.load("acme/outer", "net", mirror=mirror)

    assert during == after == folder
    assert Path(nested).name == "hub"
    assert nested != folder
