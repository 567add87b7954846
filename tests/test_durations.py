"""Spans of time as people write them."""

from __future__ import annotations

import pytest

from hubmirror.durations import parse_duration
from hubmirror.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("90m", 5400), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), ("0", 0)],
)
def test_a_span_is_a_number_and_its_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "1.5h", "7 d", "-1d", "1y", "٣d"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidInputError, match="such as 90m, 12h, 7d or 2w"):
        parse_duration(text)
