"""Whatever a repo holds, reading it ends, and ends with an answer or with InvalidInputError."""

from __future__ import annotations

import random
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.errors import InvalidInputError
from hubmirror.hubconf import Hubconf, read_hubconf
from hubmirror.hubconf.source import MAX_FILE_BYTES, MAX_READS
from tests.hubconf.memory import names, read

SOURCE = '''
import os, sys
sys.path.append(os.path.join(os.path.dirname(__file__), "src"))
from functools import partial
from zoo import *
from zoo import net as other, make
dependencies = ["torch"] + ["timm"]
try:
    from zoo.fast import quick
except ImportError:
    def quick(a, /, b: int = 3, *c, d=None, **e) -> None:
        """Builds."""
for name in ("a", "b"):
    globals()[name] = partial(make, name)
class Net(object):
    def __init__(self, size=(1, 2)): ...
    @staticmethod
    def load(path): return Net(path)
big = partial(Net, size=9)
load = Net.load
wrapped = make(lambda x: x)
'''
PIECES = [
    *"()[]{}:=,.*@\n\\\"'\0\x0c\ud7ff",
    *("    ", "def ", "class ", "lambda ", "import ", "from . import *\n", "del ", "async "),
    *("yield ", "await ", "global net\n", "if a:\n", "sys.path.append(", "**", "return "),
]


class Listening:
    """A repo of hubconf.py and x.py that remembers what was asked of it."""

    def __init__(self, hubconf: str) -> None:
        self._files = {"hubconf.py": hubconf.encode(), "x.py": b"globals()"}
        self.asked: list[str] = []

    def read(self, path: str) -> bytes | None:
        self.asked.append(path)
        return self._files.get(path)


def refused(source: str | bytes) -> InvalidInputError:
    content = source if isinstance(source, bytes) else source.encode()
    with pytest.raises(InvalidInputError) as caught:
        read_hubconf({"hubconf.py": content}.get)
    return caught.value


def test_a_syntax_error_is_told_by_file_and_line() -> None:
    error = refused("import os\ndef net(:\n")

    assert error.message.startswith("hubconf.py:2: ")
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in error.hint


@pytest.mark.parametrize(
    "line", ["print 'x'", "exec 'x'", "raise E, 'x'", "try: x\nexcept A, b: y"]
)
def test_python_2_is_recognised(line: str) -> None:
    assert refused(f"import os\n{line}\n").hint.startswith("it looks like Python 2")


@pytest.mark.parametrize(
    "content",
    [b"# coding: nonsense\n", b"# coding: hex\n", b"def f(): '\xe9'\n", b"x = 1\0", b"\xff\xfe\0"],
)
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    assert refused(content).message.startswith("hubconf.py: ")


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 10_000 + ")" * 10_000,
        "x = " + "-" * 100_000 + "1",
        "x = " + "+".join(["1"] * 20_000),
        "x = a" + ".b" * 20_000,
        "x = a" + "()" * 20_000,
        "x = " + "lambda: " * 20_000 + "1",
        "if a: x = 1\n" + "elif a: x = 2\n" * 20_000,
        "x = " + "9" * 10_000,
        "#" * (MAX_FILE_BYTES + 1),
    ],
    ids=lambda source: source[4:16],
)
def test_a_file_built_to_exhaust_a_parser_is_refused(source: str) -> None:
    assert refused(source).message.startswith("hubconf.py")


@pytest.mark.parametrize(
    "source",
    [
        "x = a" + ".b" * 400,
        "x = a" + "()" * 400,
        "x = " + "a if b else " * 400 + "c",
        "t = ['a']\n" + "t = t + t\n" * 60 + "dependencies = t",
        "t = 'a'\n" + "t = f'{t}{t}'\n" * 60,
        "def f(): return f()\nx = f()",
        "def f(): return a" + "()" * 600 + "\nx = f()",
        "class A(B): ...\nclass B(A): ...\nx = A()\ny = B.z",
        "class A0: ...\n" + "".join(f"class A{n}(A{n - 1}, A{n - 1}): ...\n" for n in range(1, 60)),
        "from functools import partial\ndef g(): ...\n" + "g = partial(g)\n" * 5000,
        "def g(): ...\n" + "if a: g = g\n" * 5000,
        "def f(x=0x" + "f" * 10_000 + "): ...",
        "def f(a, a): ...",
        "def f(): '\\d'",
        "import sys\nsys.path.append('a\\0b')\nsys.path.append('../..')\nfrom x import y",
        "import importlib\nx = importlib.import_module('../../etc/x').y\nz = __import__('.')",
    ],
    ids=lambda source: source[:16],
)
def test_code_built_to_exhaust_a_reader_is_read_without_a_word(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        hubconf = read(source)

    assert Hubconf.decode(hubconf.encode()) == hubconf


@pytest.mark.parametrize("line", ["from m{} import f", "from m{} import *"])
def test_a_chain_of_modules_is_followed_to_a_limit(line: str) -> None:
    files = {f"m{n}.py": line.format(n + 1) for n in range(500)}

    hubconf = read(line.format(0), files | {"m500.py": "def f(): ..."})

    assert names(hubconf) == ["f"] or hubconf.open_ended


def test_a_repo_that_costs_too_much_to_follow_stays_open() -> None:
    doubling = "".join(f"def _f{n}(): _f{n + 1}(); _f{n + 1}()\n" for n in range(40))

    hubconf = read(f"{doubling}_f0()\nfrom zoo import *\n", {"zoo.py": "def net(): ..."})

    assert hubconf.open_ended


def test_only_so_much_source_is_parsed() -> None:
    files = {f"m{n}.py": "#" * MAX_FILE_BYTES for n in range(9)}

    hubconf = read("".join(f"from m{n} import *\n" for n in range(9)), files)

    assert hubconf.open_ended


def test_a_repo_that_asks_for_endless_files_is_asked_for_few() -> None:
    repo = Listening("".join(f"from a{n} import b{n}\n" for n in range(9000)))

    hubconf = read_hubconf(repo.read)

    assert hubconf.open_ended
    assert len(repo.asked) <= MAX_READS


def test_only_paths_inside_the_repo_are_asked_for() -> None:
    source = (
        "import sys, importlib\nsys.path += ['/etc', '../up', '~', 'a//b/../c', '.']\n"
        f"import {'long' * 99} as q\nq.p\nfrom x import y\n"
        "from .... import z\nw = importlib.import_module('..x')\n"
        "v = getattr(sys.modules, '../x')\nimport x as u\nt = getattr(u, '../../p')\n"
    )
    repo = Listening(source)

    read_hubconf(repo.read)

    assert all(not path.startswith("/") and ".." not in path.split("/") for path in repo.asked)
    assert max(map(len, repo.asked)) < 255


def read_or_refuse(files: dict[str, bytes]) -> str:
    """Return the message of a refusal, or one for an answer that survives encoding."""
    try:
        hubconf = read_hubconf(files.get)
    except InvalidInputError as error:
        return error.message
    return "hubconf.py: read" if Hubconf.decode(hubconf.encode()) == hubconf else "changed"


@given(st.integers(), st.lists(st.tuples(st.sampled_from(PIECES), st.booleans()), max_size=6))
def test_any_edit_gives_an_answer_or_a_plain_refusal(
    seed: int, edits: list[tuple[str, bool]]
) -> None:
    draw = random.Random(seed)
    text = SOURCE
    for piece, cut in edits:
        place = draw.randrange(len(text))
        text = text[:place] + piece + text[place + (draw.randrange(40) if cut else 0) :]
    edited = dict.fromkeys(("hubconf.py", "setup.py", "requirements.txt"), text.encode())

    outcome = read_or_refuse(edited | {"zoo/__init__.py": SOURCE.encode()})

    assert outcome.startswith("hubconf.py")


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_plain_refusal(content: bytes) -> None:
    packaging = ("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt")

    outcome = read_or_refuse(dict.fromkeys(("hubconf.py", *packaging), content))

    assert outcome.startswith("hubconf.py")
