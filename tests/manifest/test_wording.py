"""Whatever is in a manifest, its author reads our words and finds the place."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hubmirror.errors import Fault, InvalidInputError
from hubmirror.manifest.reading import parse_manifest

KEYS = (
    st.sampled_from(
        [
            "version",
            "name",
            "repos",
            "repo",
            "url",
            "refs",
            "aliases",
            "entrypoints",
            "args",
            "kwargs",
        ]
    )
    | st.sampled_from(
        ["checkpoints", "sha256", "urls", "fetch_url", "settings", "jobs", "limit_rate", "max_size"]
    )
    | st.sampled_from(["connections_per_host"])
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["a/b", "https://h.example/x", "f(x=1)", "f(", "${A}", "20GB", "a" * 64])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=12,
)
ENTRIES = st.lists(VALUES | st.dictionaries(KEYS, VALUES, max_size=6), max_size=3)
DOCUMENTS = VALUES | st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "name": LEAVES,
        "repos": ENTRIES,
        "checkpoints": ENTRIES,
        "settings": st.dictionaries(KEYS, LEAVES),
        "more": VALUES,
    },
)
JARGON = ("Input should", "valid", "pydantic", "Extra inputs", "instance of", "cannot be here")


@given(DOCUMENTS)
def test_no_document_is_answered_in_the_words_of_a_validator(document: object) -> None:
    faults = _faults(json.dumps(document, ensure_ascii=False))

    assert not [fault for fault in faults for words in JARGON if words in _without_values(fault)]
    assert all(fault.line and fault.column for fault in faults)


def _faults(text: str) -> tuple[Fault, ...]:
    try:
        parse_manifest(text, file="m.yaml")
    except InvalidInputError as error:
        return error.faults
    return ()


def _without_values(fault: Fault) -> str:
    return fault.message.partition("got the text")[0]
