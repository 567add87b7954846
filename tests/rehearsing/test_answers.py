"""A child that ran the code of strangers may write anything: it is an answer, or it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.rehearsing.answers import Failure, Missed, Runtime, read_answer

WHOLE: dict[str, Any] = {
    "torch": "2.13.0",
    "python": "3.11.9",
    "platform": "Linux-x86_64",
    "result": "5" * 64,
    "error": {
        "kind": "KeyError",
        "message": "'x'",
        "hint": "",
        "lacks": "",
        "repo": "acme/nets",
        "line": "hubconf.py:3",
    },
    "relied": {"acme/nets:main": "a" * 64},
    "missed": [
        {"wanted": "https://h/x", "message": "no", "hint": "add", "repo": "acme/nets", "line": ""}
    ],
}


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "answer.json"
    path.write_text(content)
    return path


def test_a_whole_answer_is_read(tmp_path: Path) -> None:
    answer = read_answer(written(tmp_path, json.dumps(WHOLE)))

    assert answer is not None
    assert answer.runtime == Runtime("2.13.0", "3.11.9", "Linux-x86_64")
    assert answer.failure == Failure("KeyError: 'x'", "", "acme/nets hubconf.py:3", "")
    assert answer.missed == (Missed("https://h/x", "no", "add", "acme/nets"),)
    assert answer.relied == {"acme/nets:main": "a" * 64}


def test_no_answer_is_none(tmp_path: Path) -> None:
    assert read_answer(tmp_path / "answer.json") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({**WHOLE, "torch": 2}),
        json.dumps({**WHOLE, "error": "x"}),
        json.dumps({**WHOLE, "relied": []}),
        json.dumps({**WHOLE, "missed": [{}]}),
        json.dumps({**WHOLE, "result": "x" * 5_000_000}),
    ],
)
def test_what_is_no_answer_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidInputError, match="its account cannot be understood"):
        read_answer(written(tmp_path, content))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = written(tmp_path, json.dumps(WHOLE))
    link = tmp_path / "link.json"
    link.symlink_to(secret)

    with pytest.raises(InvalidInputError, match="its account is a link"):
        read_answer(link)
