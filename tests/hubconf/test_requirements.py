"""Which torch and which Python the packaging files of a repo ask for."""

from __future__ import annotations

import pytest

from hubmirror.hubconf import read_hubconf
from tests.hubconf.memory import read

PYPROJECT = '[project]\ndependencies = ["torch>=1.4"]\nrequires-python = ">=3.8"\n'
SETUP_CFG = "[options]\npython_requires = >=3.7\ninstall_requires =\n    numpy\n    torch>=1.3\n"
SETUP_PY = "from setuptools import setup\nsetup(install_requires=['torch>=1.2'])\n"


def required(files: dict[str, str]) -> tuple[str, str]:
    hubconf = read("", files)
    return hubconf.requires_torch, hubconf.requires_python


def required_torch(line: str) -> str:
    return required({"requirements.txt": line})[0]


@pytest.mark.parametrize(
    ("line", "minimum"),
    [
        ("torch>=1.7", "1.7"),
        ("torch==1.9.0", "1.9.0"),
        ("torch==1.9.*", "1.9"),
        ("torch===1.9.0", "1.9.0"),
        ("torch==1.9.0+cu111", "1.9.0"),
        ("torch~=1.8", "1.8"),
        ("torch>1.6", "1.6"),
        ("Torch >= 1.10 , < 2", "1.10"),
        ("torch<2,>=1.9,>=1.10", "1.10"),
        ("torch (>=1.5)", "1.5"),
        ("torch[opt]>=2.1", "2.1"),
        ("torch>=2.0.0rc1", "2.0.0"),
        ("torch>=1.7  # any will do", "1.7"),
        ("torch==1.9.0 --hash=sha256:00", "1.9.0"),
        ("torch \\\n  >=1.7", "1.7"),
        ("numpy\r\ntorch>=1.7\r\n", "1.7"),
        ("\ufefftorch>=1.7", "1.7"),
        ("torch", ""),
        ("torch<2", ""),
        ("torch!=1.8", ""),
        ("torch @ https://example.org/torch-1.7.whl", ""),
        ("torchvision>=0.9\ntorch-geometric>=2.0\ntorch_scatter==2\npytorch>=1.1", ""),
        ("# torch>=1.7", ""),
        ("-r torch>=1.7.txt\n--find-links torch>=1.7", ""),
        ("torch>=?;;", ""),
    ],
)
def test_a_requirement_gives_its_minimum(line: str, minimum: str) -> None:
    assert required_torch(line) == minimum


@pytest.mark.parametrize(
    ("lines", "minimum"),
    [
        ("torch>=1.7; sys_platform == 'linux'", "1.7"),
        ('torch>=1.7; sys_platform != "win32"', "1.7"),
        ("torch>=1.7; platform_machine == 'aarch64'", "1.7"),
        ("torch>=1.7; platform_machine != 'x86_64'", "1.7"),
        ("torch>=1.7; sys_platform == 'win32'", ""),
        ("torch>=1.7; sys_platform != 'linux'", ""),
        ("torch>=1.7; extra == 'gpu'", ""),
        ("torch>=1.7; (sys_platform == 'linux')", ""),
        ("torch>=1.7; sys_platform == 'win32' or os_name == 'posix'", "1.7"),
        ("torch>=1.7; python_version < '3.9' and sys_platform == 'win32'", ""),
        ("torch>=2.0; python_version >= '3.11'\ntorch>=1.7; python_version < '3.11'", "1.7"),
        ("torch>=1.9\ntorch>=1.7; python_version < '3.11'", "1.9"),
        ("torch>=1.9\ntorch>=1.10", "1.10"),
    ],
)
def test_a_marker_counts_when_it_can_hold_on_linux(lines: str, minimum: str) -> None:
    assert required_torch(lines) == minimum


def test_packaging_metadata_outranks_requirements_txt() -> None:
    files = {"requirements.txt": "torch==1.9.0"}

    ranked = [("setup.py", SETUP_PY), ("setup.cfg", SETUP_CFG), ("pyproject.toml", PYPROJECT)]

    assert required(files) == ("1.9.0", "")
    for (name, text), expected in zip(
        ranked, [("1.2", ""), ("1.3", ">=3.7"), ("1.4", ">=3.8")], strict=True
    ):
        files[name] = text
        assert required(files) == expected


def test_metadata_that_asks_for_any_torch_outranks_a_pin_of_requirements_txt() -> None:
    files = {"setup.py": SETUP_PY.replace(">=1.2", ""), "requirements.txt": "torch==1.9.0"}

    assert required(files) == ("", "")


def test_metadata_that_does_not_name_torch_decides_nothing() -> None:
    files = {"setup.py": SETUP_PY.replace("torch", "numpy"), "requirements.txt": "torch==1.9.0"}

    assert required(files) == ("1.9.0", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("setup(install_requires=('torch>=1.2',), python_requires='>=3.6')", ("1.2", ">=3.6")),
        ("setuptools.setup(install_requires='torch>=1.2\\nnumpy')", ("1.2", "")),
        ("needs = ['torch>=1.2']\nsetup(install_requires=needs + ['x'])", ("1.2", "")),
        ("PY = '>=3.9'\nsetup(python_requires=PY)", ("", ">=3.9")),
        ("def main():\n    setup(install_requires=['x', 'torch>=1.2', f()])", ("1.2", "")),
        ("if a:\n    setup(install_requires=['torch>=1.2'])", ("1.2", "")),
        ("setup(install_requires=open('requirements.txt').readlines())", ("1.1", "")),
        ("setup(install_requires=needs, python_requires=needs)", ("1.1", "")),
        ("print 'Python 2'", ("1.1", "")),
        ("setup(python_requires='no specifier')", ("1.1", "")),
    ],
)
def test_setup_py_is_read_where_it_is_literal(text: str, expected: tuple[str, str]) -> None:
    torch, python = expected
    files = {"setup.py": text, "requirements.txt": "torch>=1.1"}

    assert required(files) == (torch or "1.1", python)


@pytest.mark.parametrize(
    ("torch", "minimum"),
    [
        ('"^1.10"', "1.10"),
        ('"~1.8"', "1.8"),
        ('"1.9.0"', "1.9.0"),
        ('">=1.7,<2"', "1.7"),
        ('{version = "^1.13", optional = true}', "1.13"),
        ('[{version = "2.0", python = ">=3.11"}, "^2.1"]', "2.1"),
        ('"*"', ""),
        ("{git = 'https://example.org'}", ""),
        ("3", ""),
    ],
)
def test_poetry_is_understood(torch: str, minimum: str) -> None:
    text = f'[tool.poetry.dependencies]\npython = "^3.8"\ntorch = {torch}\n'

    assert required({"pyproject.toml": text}) == (minimum, ">=3.8,<4")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", "a = " + "[" * 5000),
        ("pyproject.toml", "project = 1\ntool = 2\n"),
        ("pyproject.toml", '[project]\ndependencies = "torch>=1.7"\nrequires-python = 3\n'),
        ("pyproject.toml", "[project]\ndependencies = [1, []]\n"),
        ("setup.cfg", "no section\n"),
        ("setup.cfg", "[options]\ninstall_requires\n  = %(x)s\n"),
        ("setup.py", "setup(" * 5000),
        ("setup.py", "setup(**{'install_requires': ['torch>=1.7']})"),
        ("setup.py", "setup(python_requires=1, install_requires=-1)"),
    ],
)
def test_a_broken_packaging_file_says_nothing(name: str, text: str) -> None:
    assert required({name: text}) == ("", "")


def test_requirements_in_utf_16_are_read() -> None:
    files = {"hubconf.py": b"", "requirements.txt": "torch>=1.7\r\n".encode("utf-16")}

    assert read_hubconf(files.get).requires_torch == "1.7"
