"""The public door: opens lazily, tells the truth, lets nothing in but torch."""

import ast
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import hubmirror
from hubmirror.hub import loading
from tests.hub.small_mirror import SmallRepo, publish

ROOT = Path(hubmirror.__file__).parent.parent
SHOW = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(code: str, **env: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{SHOW}"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **env},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(run.stdout))


def test_importing_the_package_imports_next_to_nothing() -> None:
    more = modules_after("import hubmirror") - modules_after("import importlib, typing")

    assert more <= {"hubmirror", "hubmirror.version", "__future__", "builtins"}


def test_loading_imports_the_standard_library_and_torch_only(mirror: Path, tmp_path: Path) -> None:
    hubconf = "dependencies = ['torch']\ndef net(): return 1"
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}})])
    (tmp_path / "hubconf.py").write_text(hubconf)
    code = (
        "import hubmirror\n"
        f"assert hubmirror.load('acme/nets', 'net', mirror={str(mirror)!r}) == 1\n"
        f"assert hubmirror.load({str(tmp_path)!r}, 'net') == 1\n"
    )

    loaded = modules_after(code) - modules_after("import torch.hub")

    tops = {name.partition(".")[0] for name in loaded if not name.startswith("_hubmirror_")}
    assert tops <= {"hubmirror"} | sys.stdlib_module_names


def test_every_public_name_is_there() -> None:
    for name in hubmirror.__all__:
        assert getattr(hubmirror, name) is not None
    assert set(hubmirror.__all__) <= set(dir(hubmirror))
    assert hubmirror.errors.NotMirroredError is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'instal'"):
        hubmirror.instal  # type: ignore[attr-defined]  # noqa: B018


def test_the_names_for_type_checkers_are_the_names_of_the_package() -> None:
    tree = ast.parse(Path(hubmirror.__file__).read_text())
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    names = {
        alias.name
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert names | {"__version__"} == set(hubmirror.__all__)


@pytest.mark.parametrize(
    "name", ["load", "list", "help", "load_state_dict_from_url", "download_url_to_file"]
)
def test_signatures_are_those_of_torch_hub(name: str) -> None:
    own = inspect.signature(getattr(loading, name)).parameters
    torchs = inspect.signature(getattr(torch.hub, name)).parameters

    added = [parameter for parameter in own if parameter not in torchs]
    assert added in ([], ["mirror", "publication"])
    for parameter, expected in torchs.items():
        assert own[parameter].default == expected.default
        assert own[parameter].kind == expected.kind
    assert [each for each in own if each in torchs] == list(torchs)
