"""What a repo's files say that they import of others, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import VerificationError
from hubmirror.hubconf import Entrypoint
from hubmirror.hubconf.imports import Import, Imports, When, read_imports
from hubmirror.hubconf.snapshot import open_snapshot
from hubmirror.hubconf.source import Sources
from tests.hub.small_mirror import tar_of


def imports(hubconf: str, **files: str) -> Imports:
    """Read a repo of a hubconf.py and of modules, in whose names ``__`` stands for a dot."""
    texts = {"hubconf.py": hubconf}
    texts |= {f"{_path(name)}.py": text for name, text in files.items()}
    contents = {path: text.encode() for path, text in texts.items()}
    return read_imports(contents, Sources(contents.get))


def _path(name: str) -> str:
    folder = name.removesuffix("____init__")
    return name.replace("__", "/") if folder == name else f"{folder.replace('__', '/')}/__init__"


def at_load(hubconf: str, **files: str) -> tuple[str, ...]:
    return imports(hubconf, **files).names(When.LOAD)


@pytest.mark.parametrize(
    "statement",
    ["import models.net", "from models import net", "from models.net import Net",
     "from models import *\nfrom models.net import *"],
)  # fmt: skip
def test_imports_are_followed_into_the_repos_own_modules(statement: str) -> None:
    assert at_load(statement, models__net="import there.inner") == ("there",)


def test_packages_on_the_way_and_relative_imports_are_followed() -> None:
    found = at_load(
        "import models.net",
        models____init__="import first",
        models__net="from . import part\nfrom .part import x\nfrom .. import nothing",
        models__part="from ..beyond import y\nimport second",
    )

    assert found == ("first", "second")


@pytest.mark.parametrize(
    "guarded",
    [
        "try:\n    import faster\nexcept ImportError: pass",
        "try: pass\nexcept ImportError:\n    import faster",
        "try: pass\nexcept ImportError: pass\nelse:\n    import faster",
        "if sys.platform == 'win32':\n    import faster",
        "if x: pass\nelse:\n    import faster",
        "for one in x:\n    import faster",
        "match x:\n    case 1:\n        import faster",
        "with contextlib.suppress(ImportError):\n    import faster",
        "def entry():\n    try:\n        import faster\n    except ImportError: pass",
    ],
)
def test_what_may_be_left_out_is_optional(guarded: str) -> None:
    found = imports(f"import os, json\nfrom __future__ import annotations\n{guarded}\n")

    assert [(one.module, one.when) for one in found.found] == [("faster", When.OPTIONAL)]


@pytest.mark.parametrize(
    "certain",
    [
        "try:\n    import needed\nfinally: pass",
        "with open('x'):\n    import needed",
        "class Net:\n    import needed",
        "if True:\n    import needed",
        "if TYPE_CHECKING: pass\nelse:\n    import needed",
    ],
)
def test_what_runs_whatever_happens_is_needed_at_load(certain: str) -> None:
    assert at_load(certain) == ("needed",)


@pytest.mark.parametrize(
    "never", ["if False:\n    import gone", "if TYPE_CHECKING:\n    import gone",
              "if __name__ == '__main__':\n    import gone"],
)  # fmt: skip
def test_what_never_runs_is_not_there(never: str) -> None:
    assert imports(never).found == ()


def test_a_function_of_hubconf_imports_when_it_is_called_and_one_elsewhere_perhaps() -> None:
    found = imports(
        "def net():\n    from models.net import Net\n    import called",
        models__net="import behind\ndef forward():\n    import later",
    )

    assert {one.module: one.when for one in found.found} == {
        "called": When.CALL,
        "behind": When.CALL,
        "later": When.OPTIONAL,
    }


def test_the_body_of_an_entrypoint_counts_wherever_it_is_defined() -> None:
    text = "def net():\n    import called\ndef aside():\n    import perhaps"
    contents = {"hubconf.py": b"from net import net", "net.py": text.encode()}
    entry = Entrypoint("net", "()", "", "net.py", 1)

    found = read_imports(contents, Sources(contents.get), [entry])

    assert {one.module: one.when for one in found.found} == {
        "called": When.CALL,
        "perhaps": When.OPTIONAL,
    }


def test_the_most_certain_of_several_imports_counts_and_is_named() -> None:
    found = imports(
        "try:\n    import a\n    import numpy\nexcept ImportError: pass\nimport b",
        a="import cv2",
        b="\nimport numpy.linalg\nimport a",
    )

    assert found.found == (
        Import("numpy", When.LOAD, "b.py", 2),
        Import("cv2", When.LOAD, "a.py", 1),
    )


def test_a_namespace_is_told_by_the_part_that_has_a_distribution() -> None:
    found = at_load(
        "from google import protobuf\nimport google.protobuf.json_format\nimport cv2.dnn"
    )

    assert found == ("google.protobuf", "cv2")


def test_a_module_in_a_folder_that_the_code_adds_is_the_repos_own_and_followed() -> None:
    found = imports("import inner.part", src__inner__part="import there")

    assert (found.names(When.LOAD), "inner" in found.own) == (("there",), True)


def test_of_two_modules_of_one_name_the_one_around_the_importer_is_followed() -> None:
    found = at_load(
        "import app.run",
        app__run="import parts",
        app__parts="import near",
        aside__parts="import far",
    )

    assert found == ("near",)


def test_of_two_modules_of_one_name_the_one_that_shares_a_folder_goes_first() -> None:
    found = at_load(
        "import b.run",
        b__run="import parts",
        b__lib__parts="import near",
        a__parts="import far",
    )

    assert found == ("near",)


def test_pythons_own_modules_are_not_taken_for_files_deep_in_the_repo() -> None:
    assert at_load("import random", tools__graph__random="import far") == ()


def test_a_repo_without_python_that_can_be_read_needs_nothing() -> None:
    assert at_load("from models import") == ()
    assert read_imports(["other.py"], Sources({"other.py": b"import numpy"}.get)).found == ()


def test_a_snapshot_is_read_out_of_its_tar(tmp_path: Path) -> None:
    tar = tmp_path / "snapshot"
    tar.write_bytes(tar_of({"hubconf.py": "import net", "net.py": "import numpy", "data": None}))

    with open_snapshot(tar) as files:
        found = read_imports(files.names, files.sources)

    assert (files.names, found.names(When.LOAD)) == (("hubconf.py", "net.py"), ("numpy",))


def test_what_is_no_tar_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "torn").write_bytes(b"not a tar at all")

    with (
        pytest.raises(VerificationError, match=r"torn: not a snapshot"),
        open_snapshot(tmp_path / "torn"),
    ):
        pass
