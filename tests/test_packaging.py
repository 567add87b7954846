"""What is shipped: the wheel installs and works in a fresh environment, on both sides."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hubmirror.version import __version__
from tests import services

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_the_package_its_types_and_its_schema(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    shipped = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "hubmirror").rglob("*")
        if path.suffix in (".py", ".json", ".typed")
    }
    assert shipped <= names
    assert {"hubmirror/py.typed", "hubmirror/manifest/manifest.schema.json"} <= names
    others = {name for name in names if not name.startswith(("hubmirror/", "hubmirror-"))}
    assert others == set()


def test_the_wheel_alone_serves_the_offline_side(wheel: Path, tmp_path: Path) -> None:
    """An environment with this wheel and nothing else: no click, SQLAlchemy, PyYAML, git."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "node"], check=True)
    python = tmp_path / "node" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    program = (
        "import hubmirror, hubmirror.mirror, hubmirror.verify\n"
        "from hubmirror.errors import NotFoundError\n"
        "assert callable(hubmirror.Mirror.open)\n"
        "try: hubmirror.Mirror.open(__import__('pathlib').Path('/nowhere'))\n"
        "except NotFoundError as error: print(error.message)\n"
    )

    done = subprocess.run(
        [python, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )

    assert done.stdout == "/nowhere: no mirror here: it has no hubmirror.json\n"


def test_the_version_is_said_by_module_and_by_script() -> None:
    script = Path(sys.executable).with_name("hubmirror")
    services.require(script.exists(), "hubmirror is not installed in this environment")

    for command in ([sys.executable, "-m", "hubmirror"], [str(script)]):
        done = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stdout == f"hubmirror {__version__}\n"
