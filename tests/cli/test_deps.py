"""``hubmirror deps``: what the mirrored repos need, from a mirror that sync made."""

from __future__ import annotations

import pytest

from hubmirror.errors import ExitCode
from tests.cli.shell import Shell
from tests.upstream import RepoBuilder, Upstream

HUBCONF = """\
dependencies = ["torch", "cv2", "pyyaml", "json", "tricky\\n--index-url https://evil.example"]
import numpy
from models.net import Net
def net(): import pandas
"""
NET = """\
import timm, obscure
try: import xformers
except ImportError: pass
"""
SETUP = "from setuptools import setup\nsetup(install_requires=['numpy>=1.20,<2', 'timm>=0.9'])\n"
REQUIREMENTS = "numpy==1.21.0\nopencv-python==4.5\ntorch==1.9.0\nwin32; sys_platform == 'win32'\n"
NODE = "numpy==2.1.0\ntimm==0.5.4\nopencv-python-headless==4.10\nPyYAML==6.0\ntorch==2.6.0+cu124\n"


@pytest.fixture
def filled(shell: Shell, upstream: Upstream) -> Shell:
    """A mirror of one repo that needs all kinds of packages."""
    tree = {
        "hubconf.py": HUBCONF,
        "models/net.py": NET,
        "setup.py": SETUP,
        "requirements.txt": REQUIREMENTS,
    }
    repo = RepoBuilder.create(upstream, "acme/nets")
    repo.commit({name: text.encode() for name, text in tree.items()})
    shell.writer.folder.joinpath("node.txt").write_text(NODE)
    entry = {"repo": "acme/nets", "url": upstream.git_url("acme/nets")}
    assert shell("sync", shell.writer.manifest([entry])).code == 0
    return shell


def test_every_module_is_held_against_the_node(filled: Shell) -> None:
    found = filled.document("deps", "--freeze", "node.txt", code=3)

    assert {one["module"]: (one["verdict"], one["when"]) for one in found["needs"]} == {
        "numpy": ("excluded", "load"),
        "timm": ("too old", "load"),
        "obscure": ("unknown", "load"),
        "pandas": ("missing", "call"),
        "xformers": ("missing", "optional"),
        "torch": ("ok", "load"),
        "cv2": ("ok", "load"),
        "pyyaml": ("ok", "load"),
    }
    (numpy,) = [one for one in found["needs"] if one["module"] == "numpy"]
    assert (numpy["versions"], numpy["stated_in"]) == ("<2,>=1.20", "setup.py")
    assert (numpy["place"], numpy["installed"]) == ("hubconf.py:2", "2.1.0")


def test_the_table_names_repo_place_and_verdict(filled: Shell) -> None:
    said = filled("deps", "acme/nets", "--freeze", "node.txt")

    assert said.code == ExitCode.INCOMPLETE
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0][:2] == ["REPO", "IMPORTS"]
    assert ["acme/nets:main", "pandas", "pandas", "-", "missing", "hubconf.py:4"] in rows
    assert said.out.splitlines()[-1] == (
        "3 ok, 1 unknown, 1 missing (optional), 1 excluded, 1 missing, 1 too old"
    )


def test_without_a_node_it_says_what_is_needed_and_is_content(filled: Shell) -> None:
    said = filled("deps")

    assert said.code == ExitCode.OK
    assert "opencv-python>=4.5" in said.out  # a pin of requirements.txt is a minimum
    assert "ON THE NODE" not in said.out


def test_a_requirements_file_holds_nothing_that_a_stranger_smuggled_in(filled: Shell) -> None:
    said = filled("deps", "--requirements")

    assert said.code == ExitCode.OK
    lines = [line for line in said.out.splitlines() if not line.startswith("#")]
    names = [line.split("  #")[0] for line in lines]
    assert names == ["numpy<2,>=1.20", "opencv-python>=4.5", "pandas", "pyyaml", "timm>=0.9"]


def test_a_repo_that_is_not_mirrored_is_refused(filled: Shell) -> None:
    assert filled("deps", "acme/others").code == ExitCode.NOT_FOUND
