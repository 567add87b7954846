"""Sizes and rates as people write them."""

from __future__ import annotations

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.sizes import parse_rate, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 10**9), ("512 MiB", 512 * 2**20), ("1.5kB", 1500), ("7B", 7), ("1T", 10**12)],
)
def test_sizes_are_decimal_or_binary_as_written(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_rate(f"{text}/s") == size


@pytest.mark.parametrize("text", ["20", "", "GB", "-1GB", "1 e3 B", "20Gigs"])
def test_what_is_no_size_is_told_how_one_is_written(text: str) -> None:
    with pytest.raises(InvalidInputError, match="expected a size with its unit, such as 20GB"):
        parse_size(text)


def test_nothing_is_no_limit() -> None:
    with pytest.raises(InvalidInputError, match="without this key there is no limit"):
        parse_size("0GB")
