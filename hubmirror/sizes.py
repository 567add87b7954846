"""Sizes and rates as people write them: MB is 10^6, MiB is 2^20."""

from __future__ import annotations

import re

from hubmirror.errors import InvalidInputError

SIZE_PATTERN = r"[0-9]+(\.[0-9]+)?\s*([kKMGT]i?B?|B)"
RATE_PATTERN = SIZE_PATTERN + r"(/s)?"

_SIZE = re.compile(SIZE_PATTERN, re.ASCII)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Read ``20GB`` or ``512MiB`` as bytes.

    Raises:
        InvalidInputError: when it has no unit, is zero, or is no such size.
    """
    return _parse(text, "a size with its unit, such as 20GB or 512MiB", text)


def parse_rate(text: str) -> int:
    """Read ``50MB/s`` as bytes a second.

    Raises:
        InvalidInputError: when it is no such rate.
    """
    return _parse(text.removesuffix("/s"), "a rate with its unit, such as 50MB/s or 1MiB/s", text)


def _parse(text: str, expected: str, written: str) -> int:
    if not _SIZE.fullmatch(text):
        raise InvalidInputError(f"expected {expected}, got {written!r}")
    number, unit = re.findall(r"[0-9.]+|[A-Za-z]+", text)
    letters = unit.removesuffix("B").upper()
    base = 1024 if letters.endswith("I") else 1000
    size = int(float(number) * base ** _POWERS[letters.removesuffix("I")])
    if size == 0:
        raise InvalidInputError(
            f"expected more than nothing, got {written!r}; without this key there is no limit"
        )
    return size
