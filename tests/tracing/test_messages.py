"""What a traced process sends is a message of ours, or it is refused."""

from __future__ import annotations

import json

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.hub.recording.messages import (
    Answer,
    Bytes,
    Ended,
    Failed,
    Imported,
    Noted,
    Question,
    UrlAsked,
    decode_answer,
    decode_question,
    encode,
)

ASKED = UrlAsked(
    "https://h.example/\n\u2028é", "urllib", "GET", "", "memory", "a/b", "hubconf.py:1"
)


@pytest.mark.parametrize("question", [ASKED, Ended("", "ab"), Imported("a/b", ("x y 1", "z z 2"))])
def test_a_question_is_one_line_and_reads_back(question: Question) -> None:
    line = encode(question)

    assert line.count(b"\n") == 1
    assert decode_question(line) == question


@pytest.mark.parametrize(
    "answer", [Noted(), Failed("why", "what to do"), Bytes("00", 3, "other", ("a.b",), "/x")]
)
def test_an_answer_reads_back(answer: Answer) -> None:
    assert decode_answer(encode(answer)) == answer


@pytest.mark.parametrize(
    "fields",
    [
        {"is": "Ended", "error": ""},
        {"is": "Ended", "error": "", "result": "", "more": ""},
        {"is": "Ended", "error": 1, "result": ""},
        {"is": "Imported", "repo": "", "distributions": "torch"},
        {"is": "Imported", "repo": "", "distributions": [1]},
        {"is": "Noted"},
        {"is": ["Ended"]},
        [],
        None,
    ],
)
def test_what_is_no_question_of_ours_is_refused(fields: object) -> None:
    with pytest.raises(InvalidInputError):
        decode_question(json.dumps(fields).encode())


@pytest.mark.parametrize("line", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_line_of_ours_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidInputError):
        decode_question(line)
