"""How names are followed through the modules of a repo, and when that stays open."""

from __future__ import annotations

import pytest

from tests.hubconf.memory import names, only, read

NET = 'def net(size):\n    "Builds."\n'


@pytest.mark.parametrize(
    ("text", "files", "file"),
    [
        ("from zoo import net", {"zoo.py": NET}, "zoo.py"),
        ("from zoo import net", {"zoo/__init__.py": NET, "zoo.py": "net = 1"}, "zoo/__init__.py"),
        ("from zoo import old as net", {"zoo.py": "from a import net as old", "a.py": NET}, "a.py"),
        ("from zoo.a import net", {"zoo/a.py": NET}, "zoo/a.py"),
        ("from zoo import net", {"zoo/__init__.py": "from .a import net", "zoo/a.py": NET}, None),
        ("from zoo import net", {"zoo/__init__.py": "from .a import *", "zoo/a.py": NET}, None),
        ("from zoo.b import net", {"zoo/b.py": "from ..zoo.a import net", "zoo/a.py": NET}, None),
        ("import zoo.a\nnet = zoo.a.net", {"zoo/a.py": NET}, None),
        ("import zoo.a as a\nnet = a.net", {"zoo/a.py": NET}, None),
        ("import zoo\nnet = zoo.a.net", {"zoo/__init__.py": "", "zoo/a.py": NET}, None),
        ("from zoo import a\nnet = a.net", {"zoo/__init__.py": "", "zoo/a.py": NET}, None),
        ("from zoo import a\nnet = getattr(a, 'net')", {"zoo/a.py": NET}, None),
        ("import importlib as i\nnet = i.import_module('zoo.a').net", {"zoo/a.py": NET}, None),
        ("from .zoo import net", {"zoo.py": NET}, "zoo.py"),
        ("from . import zoo\nnet = zoo.net", {"zoo.py": NET}, "zoo.py"),
    ],
)
def test_an_import_is_followed_to_the_definition(
    text: str, files: dict[str, str], file: str | None
) -> None:
    hubconf = read(text, files)

    net = only(hubconf)
    assert (net.name, net.signature, net.doc) == ("net", "(size)", "Builds.")
    assert net.file == (file or "zoo/a.py")
    assert not hubconf.open_ended


@pytest.mark.parametrize(
    "line",
    [
        "sys.path.insert(0, 'src')",
        "sys.path.append('./src/')",
        "sys.path.extend(['lib', 'src'])",
        "sys.path += ['src']",
        "path.append('src')",
        "sys.path.append(os.path.join(os.path.dirname(__file__), 'src'))",
        "sys.path.append(join(dirname(os.path.abspath(__file__)), 'src'))",
        "sys.path.append(os.path.join(sys.path[0], 'src'))",
        "sys.path.append(os.path.dirname(__file__) + '/src')",
        "sys.path.append(f'{HERE}/src')",
        "sys.path.append(str(Path(__file__).resolve().parent / 'src'))",
        "sys.path.insert(0, Path(__file__).parent.joinpath('src').as_posix())",
        "if HERE not in sys.path:\n    sys.path.append(HERE + '/src')",
        "def _prepare(folder):\n    sys.path.append(folder)\n_prepare('src')",
    ],
)
def test_a_folder_put_on_the_path_is_searched(line: str) -> None:
    hubconf = read(
        "import os, sys\nfrom os.path import dirname, join\nfrom pathlib import Path\n"
        f"from sys import path\nHERE = dirname(__file__)\n{line}\nfrom zoo import net\n",
        {"src/zoo.py": NET},
    )

    assert only(hubconf).file == "src/zoo.py"


@pytest.mark.parametrize(
    ("zoo", "found"),
    [
        ("def net(): ...\ndef _hidden(): ...\n", ["net"]),
        ("__all__ = ['net']\ndef net(): ...\ndef other(): ...\n", ["net"]),
        ("__all__ = ['net']\n__all__ += ['other']\ndef net(): ...\ndef other(): ...\n", None),
        (
            "from . import b\n__all__ = ['net'] + b.__all__\nfrom .b import *\ndef net(): ...\n",
            None,
        ),
        ("from .b import *\ndef net(): ...\n", None),
        ("__all__ = ['b']\n", []),
    ],
)
def test_a_star_import_takes_what_python_would(zoo: str, found: list[str] | None) -> None:
    files = {"zoo/__init__.py": zoo, "zoo/b.py": "__all__ = ['other']\ndef other(): ...\n"}

    hubconf = read("from zoo import *", files)

    assert names(hubconf) == (["net", "other"] if found is None else found)
    assert not hubconf.open_ended


@pytest.mark.parametrize(
    "line", ["sys.path.append(folder)", "get().append('src')", "sys.path.insert(0, '../src')"]
)
def test_a_folder_that_cannot_be_told_is_not_searched(line: str) -> None:
    assert names(read(f"import sys\n{line}\nfrom zoo import net\n", {"src/zoo.py": NET})) == []


def test_a_function_that_returns_nothing_gives_no_entrypoint() -> None:
    hubconf = read("def _prepare(a):\n    if a:\n        return\nprepared = _prepare(1)\n")

    assert names(hubconf) == []
    assert not hubconf.open_ended


def test_modules_that_import_one_another_are_followed_once() -> None:
    files = {
        "a.py": "from b import *\nfrom b import net as other\nimport hubconf\ndef mine(): ...\n",
        "b.py": "from a import *\nfrom a import mine as yours\ndef net(): ...\n",
    }

    hubconf = read("from a import *\nfrom hubconf import me\nimport hubconf\n", files)

    assert names(hubconf) == ["mine", "net", "other", "yours"]


def test_a_name_from_a_module_that_cannot_be_read_is_listed_without_its_signature() -> None:
    hubconf = read("import os\nfrom zoo import net\n", {"zoo.py": "def net(:\n"})

    net = only(hubconf)
    assert (net.signature, net.doc, net.file, net.line) == ("", "", "hubconf.py", 2)
    assert not hubconf.open_ended


def test_data_imported_from_the_repo_is_no_entrypoint() -> None:
    zoo = (
        "urls = {}\nname = 'x'\nclass _C: ...\nthing = _C()\nimport logging\nlog = logging.Logger\n"
    )

    hubconf = read("from zoo import urls, name, thing, log, logging\n", {"zoo.py": zoo})

    assert names(hubconf) == []
    assert not hubconf.open_ended


@pytest.mark.parametrize(
    "code",
    [
        "globals()['net'] = make()",
        "globals().update({'net': 1})",
        "for n in names:\n    locals()[n] = make(n)",
        "vars()['net'] = 1",
        "space = globals()",
        "exec('def net(): ...')",
        "setattr(sys.modules[__name__], 'net', 1)",
        "this = sys.modules.get(__name__)",
        "def _add(n):\n    globals()[n] = 1\n_add('net')",
        "def _add():\n    global net\n    net = 1\n_add()",
        "def __getattr__(name): ...",
        "from missing import *",
        "from zoo import *",
        "from broken import *",
        "from listed import *",
        "from zoo.compiled import net",
        "net = _make()",
        "net = eval('1')",
        "net = _registry['net']",
        "net = type('Net', (object,), {})",
        "net, other = _make()",
        "if a:\n    from missing import *",
    ],
)
def test_names_that_may_be_made_at_run_time_leave_it_open(code: str) -> None:
    hubconf = read(
        f"import sys\ndef _make(): return _unknown()\n_registry = {{}}\n{code}\n",
        {
            "zoo/__init__.py": "globals()['x'] = 1\n",
            "broken.py": "def (",
            "listed.py": "__all__ = f()",
        },
    )

    assert hubconf.open_ended
    assert names(hubconf) == []


@pytest.mark.parametrize(
    "code",
    [
        "_net = globals()['net']",
        "_found = globals().get('net')",
        "_has = 'net' in globals()",
        "_all = [name for name in globals()]\nfor _name in globals(): ...",
        "_all = dict(globals())",
        "exec('x = 1', {})",
        "def _f():\n    x = locals()\n    vars()\n    return x",
        "class _C:\n    def __getattr__(self, name): ...",
        "def _f():\n    global _cache, net\n",
        "from os import *",
        "_hidden = _unknown()",
    ],
)
def test_looking_at_the_namespace_leaves_it_closed(code: str) -> None:
    assert not read(f"def net(): ...\n{code}\n").open_ended
