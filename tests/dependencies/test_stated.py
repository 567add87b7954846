"""Of several packaging files, the first that names a distribution decides."""

from __future__ import annotations

import pytest

from hubmirror.dependencies.stated import read_stated
from hubmirror.hubconf.source import Sources


def stated(requires_torch: str = "", **files: str) -> dict[str, tuple[str, str]]:
    names = {"pyproject": "pyproject.toml", "setup": "setup.py", "plain": "requirements.txt"}
    contents = {names[key]: text.encode() for key, text in files.items()}
    found = read_stated(Sources(contents.get), requires_torch)
    return {name: (str(one.versions), one.file) for name, one in found.items()}


def test_metadata_outranks_what_its_author_installed() -> None:
    found = stated(
        pyproject='[project]\ndependencies = ["timm"]\n',
        setup="setup(install_requires=['timm>=1', 'Einops>=0.6'])",
        plain="timm==0.5.4\neinops==0.3\nscipy==1.9\n",
    )

    assert found == {
        "timm": ("", "pyproject.toml"),
        "einops": (">=0.6", "setup.py"),
        "scipy": (">=1.9", "requirements.txt"),
    }


@pytest.mark.parametrize(
    ("line", "versions"),
    [
        ("numpy==1.21.*", ">=1.21"),
        ("numpy==1.21+cu1", ">=1.21"),
        ("numpy>=1.2,<2", "<2,>=1.2"),
        ("numpy>=1.2\nnumpy<2", "<2,>=1.2"),
        ("numpy===odd", ""),
    ],
)
def test_a_pin_of_requirements_txt_is_a_minimum(line: str, versions: str) -> None:
    assert stated(plain=line) == {"numpy": (versions, "requirements.txt")}


def test_an_exact_pin_of_metadata_is_meant() -> None:
    assert stated(setup="setup(install_requires=['timm==0.5.4'])") == {
        "timm": ("==0.5.4", "setup.py")
    }


def test_what_cannot_hold_on_the_node_and_what_is_no_requirement_are_passed_over() -> None:
    assert stated(plain="pywin32; sys_platform == 'win32'\n???\nnumpy") == {
        "numpy": ("", "requirements.txt")
    }


def test_of_torch_the_oldest_that_sync_found_is_asked() -> None:
    assert stated("1.9", plain="torch==1.9.0+cu111") == {"torch": (">=1.9", "requirements.txt")}


def test_poetrys_dependencies_count_too() -> None:
    text = '[tool.poetry.dependencies]\npython = "^3.8"\ntimm = "^1.2"\nscipy = "*"\n'

    assert stated(pyproject=text) == {
        "timm": ("<2,>=1.2", "pyproject.toml"),
        "scipy": ("", "pyproject.toml"),
    }
