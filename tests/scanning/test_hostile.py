"""Whatever a tree holds, a scan ends, in bounded work, with findings instead of a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.scanning import Kind, scan_folder
from tests.scanning.memory import HEAD, found, scanned, sure

URL = "https://host.example/w.pth"


@pytest.mark.parametrize(
    "content",
    [
        b"def broken(:\n",
        b"print 'Python 2'\n",
        b"\xff\xfe\x00",
        b"\0",
        b"# -*- coding: rot13 -*-\n",
        b"x = " + b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 100_000 + b"1",
        b"#" * (2 << 20),
    ],
    ids=["syntax", "python 2", "utf-16", "nul", "codec", "parentheses", "minus", "huge"],
)
def test_a_module_that_cannot_be_read_is_a_finding(content: bytes) -> None:
    scan = scanned(
        f"import net\ndef tiny():\n    load_state_dict_from_url('{URL}')", {"net.py": content}
    )

    assert [one.subject for one in found(scan, Kind.UNREAD)] == ["net.py"]
    assert sure(scan) == {URL: "certain"}


def test_a_hubconf_that_cannot_be_read_is_a_finding_and_the_rest_is_read() -> None:
    scan = scanned("def broken(:", {"models.py": f"URL = '{URL}'"})

    assert scan.hubconf is None
    assert [one.subject for one in found(scan, Kind.UNREAD)] == ["hubconf.py"]
    assert sure(scan) == {URL: "possible"}


@pytest.mark.parametrize(
    "code",
    [
        "def tiny():\n    return tiny()",
        "def tiny(n=9**9**9):\n    return 'x' * n * n",
        "def tiny():\n    t = 'x'\n    for _ in range(10**9):\n        t = t + t\n    return t",
        "def tiny():\n    while True:\n        pass",
        "def tiny():\n    return [1 for a in range(9999) for b in range(9999)]",
        "class tiny(tiny):\n    pass",
        "class A: pass\nclass tiny(A, A):\n    x = property(lambda self: self.x)\ntiny().x",
        "def a(f): return b(f)\ndef b(f): return a(f)\n@a\ndef tiny(): pass",
        "t = {}\nt['t'] = t\ndef tiny(x=t):\n    return load_state_dict_from_url(t['t']['t'])",
        "l = []\nl.append(l)\ndef tiny():\n    return load_state_dict_from_url(l)",
        "def tiny(a=1,b=2,c=3,d=4,e=5):\n    "
        + "\n    ".join(f"if {name} in range(40): pass" for name in "abcde"),
        "from hubconf import *\nimport hubconf\ndef tiny():\n    return hubconf.tiny()",
        "def tiny():\n    return " + "+".join(["'https://host.example/'"] * 500),
        "def tiny():\n    return f'{1:>999999999999}' + '%999999999s' % 1 + 'x'.zfill(10**10)",
        "def tiny():\n    return 'a'.replace('', 'b' * 99999).replace('b', 'c' * 99999)",
    ],
)
def test_code_that_would_never_end_ends(code: str) -> None:
    scan = scanned(f"{code}\nlast = load_state_dict_from_url('{URL}')")

    assert URL in sure(scan)


def test_a_link_that_leads_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(f"SECRET = '{URL}'\n", encoding="utf-8")
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "hubconf.py").write_text("import net\nimport real\n", encoding="utf-8")
    (repo / "net.py").symlink_to(outside)
    (repo / "real.py").symlink_to(repo / "hubconf.py")
    (repo / "loop.py").symlink_to(repo / "loop.py")

    scan = scan_folder(repo)

    assert sure(scan) == {}
    assert ("net.py", "a link that leads out of the repo") in {
        (one.subject, one.how) for one in found(scan, Kind.UNREAD)
    }


def test_what_is_no_plain_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text(HEAD + "import pipe\n", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text(f"URL = '{URL}'\n", encoding="utf-8")

    scan = scan_folder(tmp_path)

    assert sure(scan) == {URL: "possible"}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no such folder"):
        scan_folder(tmp_path / "gone")


def test_nothing_of_a_repo_is_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    code = f"open({str(touched)!r}, 'w').close()\ndef tiny():\n    open({str(touched)!r}, 'w')\n"
    (tmp_path / "hubconf.py").write_text(code, encoding="utf-8")

    scan_folder(tmp_path)

    assert not touched.exists()


@pytest.mark.parametrize(
    "code",
    [
        "x = [1]\n" + "x = [x, x]\n" * 60 + "def tiny(a=1):\n    return a in x or a == x or {x: 1}",
        "def tiny(a):\n    return open('/' + 'x'.join([a] * 40) + 'y.json')",
        "T = {i: str(i) for i in range(2000)}\ndef tiny(a):\n    for i in range(400): T[a]",
        "u = 'https://huggingface.co/' + 'x/resolve/' * 9000\nprint('" + "x/resolve/" * 900 + "')",
    ],
    ids=["nested lists", "many holes", "lookups", "long address"],
)
def test_work_that_multiplies_is_bounded(code: str) -> None:
    scan = scanned(
        f"{code}\nlast = load_state_dict_from_url('{URL}')",
        {"x" * 240 + ".json": "{}"},
    )

    assert URL in sure(scan)
