"""JSON with one line for each thing, so that a diff of two locks is readable.

Owns: where the lines break. Knows no lock. Invariant: equal values have equal texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from json.encoder import encode_basestring


def listed(lines: Iterable[str], depth: int) -> str:
    """Join encoded values, one to a line, two spaces deeper than their list."""
    inner = ",".join(f"\n{'  ' * (depth + 1)}{line}" for line in lines)
    return f"[{inner}\n{'  ' * depth}]" if inner else "[]"


def line(*pairs: tuple[str, str | int]) -> str:
    """Write a small object on one line."""
    return "{" + ", ".join(f"{text(key)}: {text(value)}" for key, value in pairs) + "}"


def block(pairs: Iterable[tuple[str, str]], depth: int) -> str:
    """Join keys and encoded values, one to a line, two spaces deeper than their block."""
    inner = ",".join(f"\n{'  ' * (depth + 1)}{text(key)}: {value}" for key, value in pairs)
    return f"{{{inner}\n{'  ' * depth}}}" if inner else "{}"


def text(value: str | int) -> str:
    """Write a text or number."""
    return encode_basestring(value) if isinstance(value, str) else str(value)
