"""Repos with habits of their own: they behave as with stock torch.hub, side by side."""

from __future__ import annotations

import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import hubmirror
from tests.hub.small_mirror import SmallRepo, Tree, publish, weights

stock: Any = torch.hub  # its functions have no types

HUBCONF = """
import os, pathlib, sys
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
hidden = "no callable"

def a_tuple(): return 1, [2], {"three": 3}
def a_none(): return None
def a_generator(upto):
    import odd_part
    yield from range(upto)
    yield odd_part.NAME
def arguments(*args, **kwargs): return args, kwargs
def a_function(): return arguments
a_class = pathlib.PurePath

def keeps_files():
    "Keeps a file beside itself, and counts its calls there."
    file = pathlib.Path(__file__).with_name("calls.txt")
    calls = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(calls))
    return calls

def reads_its_data(): return pathlib.Path(HERE, "data", "labels.txt").read_text()

def changes_folder():
    os.chdir(os.path.join(HERE, "data"))
    return pathlib.Path("labels.txt").read_text()

def relative_import_of_package():
    from odd_package import deep
    return deep.NAME, deep.__name__
"""
TREE: Tree = {
    "hubconf.py": HUBCONF,
    "odd_part.py": "NAME = 'part'",
    "odd_package/__init__.py": "",
    "odd_package/deep.py": "from .name import NAME",
    "odd_package/name.py": "NAME = 'deep'",
    "data/labels.txt": "cat\ndog\n",
}
CALLS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("a_tuple", (), {}),
    ("a_none", (), {}),
    ("a_generator", (3,), {}),
    ("arguments", (1, "two", None), {"three": 3, "pretrained": True}),
    ("a_class", ("a", "b"), {}),
    ("keeps_files", (), {}),
    ("reads_its_data", (), {}),
    ("changes_folder", (), {}),
    ("relative_import_of_package", (), {}),
)


@pytest.fixture
def folder(tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same repo, mirrored and as a plain folder for stock torch.hub."""
    publish(mirror, [SmallRepo("acme/odd", {"main": TREE})])
    monkeypatch.setenv("HUBMIRROR", str(mirror))
    plain = tmp_path / "plain"
    for name, content in TREE.items():
        (plain / name).parent.mkdir(parents=True, exist_ok=True)
        (plain / name).write_text(str(content))
    here = Path.cwd()
    yield plain
    os.chdir(here)


def drained(value: Any) -> Any:
    return list(value) if isinstance(value, types.GeneratorType) else value


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS, ids=[call[0] for call in CALLS])
@pytest.mark.parametrize("isolate", ["auto", "always"])
def test_what_an_entrypoint_gives_is_what_stock_torch_hub_gives(
    folder: Path, isolate: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    with hubmirror.offline(isolate=isolate):
        got = [drained(hubmirror.load("acme/odd", name, *args, **kwargs)) for _ in range(2)]

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)  # where the generator's import looks, after the load
        wanted = [
            drained(stock.load(str(folder), name, *args, source="local", **kwargs))
            for _ in range(2)
        ]

    assert got == wanted


def test_what_is_listed_is_what_stock_torch_hub_lists(folder: Path) -> None:
    got = hubmirror.list("acme/odd"), hubmirror.help("acme/odd", "keeps_files")

    with hubmirror.offline():
        wanted = stock.list(str(folder)), stock.help(str(folder), "keeps_files")
    assert got == wanted


@pytest.mark.parametrize("owner", ["acme", "Acme"])
@pytest.mark.parametrize("ref", ["main", "v1.0"])
def test_a_repo_finds_itself_under_torch_hubs_own_folder_name(
    mirror: Path, owner: str, ref: str
) -> None:
    hubconf = (
        "import os, sys, torch\n"
        f"ROOT = os.path.join(torch.hub.get_dir(), '{owner}_self_{ref}')\n"
        "sys.path.append(os.path.join(ROOT, 'src'))\n"
        "def net():\n"
        "    import self_found\n"
        "    return self_found.NAME, torch.hub.get_dir(), __file__\n"
    )
    tree = {"hubconf.py": hubconf, "src/self_found.py": f"NAME = {owner + ref!r}"}
    trees = {"main" if ref == "main" else f"refs/tags/{ref}": tree}
    publish(mirror, [SmallRepo("acme/self", trees)])

    with hubmirror.offline(mirror, isolate="always"):
        name, hub_dir, file = hubmirror.load(f"{owner}/self:{ref}", "net")

    assert name == owner + ref
    assert Path(file).parent == Path(hub_dir) / f"{owner}_self_{ref}"


def test_files_that_a_repo_puts_into_the_hub_folder_stay_in_the_private_cache(
    mirror: Path, tmp_path: Path
) -> None:
    url = "https://weights.example/odd.pth"
    hubconf = (
        "import os, torch\n"
        "def net():\n"
        "    folder = os.path.join(torch.hub.get_dir(), 'checkpoints')\n"
        "    os.makedirs(folder, exist_ok=True)\n"
        f"    torch.hub.download_url_to_file({url!r}, os.path.join(folder, 'odd.pth'))\n"
        "    return torch.load(os.path.join(folder, 'odd.pth'))['value'].item()\n"
    )
    publish(mirror, [SmallRepo("acme/odd", {"main": {"hubconf.py": hubconf}}, {url: weights(5.0)})])

    assert hubmirror.load("acme/odd", "net", mirror=mirror) == 5.0

    written = [path.relative_to(tmp_path / "home") for path in (tmp_path / "home").rglob("odd.pth")]
    assert [path.parts[:3] for path in written] == [(".cache", "hubmirror", "views")]


def test_a_folder_next_to_the_repo_loads_as_a_local_one(mirror: Path) -> None:
    hubconf = (
        "import os, torch\n"
        "def net():\n"
        "    inner = os.path.join(os.path.dirname(__file__), 'torchhub', 'other_main')\n"
        "    return torch.hub.load(inner, 'name', source='local')\n"
    )
    inner = "from odd_inner import NAME\ndef name(): return NAME"
    tree = {
        "hubconf.py": hubconf,
        "torchhub/other_main/hubconf.py": inner,
        "torchhub/other_main/odd_inner.py": "NAME = 'inner'",
    }
    publish(mirror, [SmallRepo("acme/odd", {"main": tree})])

    assert hubmirror.load("acme/odd", "net", mirror=mirror) == "inner"
