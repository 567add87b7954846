"""How values look on a terminal and in ``--json``.

Lines are plain text without colours; what a stranger wrote cannot steer the terminal. Standard
library only, for the offline node has nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from hubmirror.evidence import Quarantined
from hubmirror.findings import Finding
from hubmirror.proofs import Standing
from hubmirror.records import CheckpointRow

_HARMLESS = "\n\t\xa0\u3000"  # not printable by Python's count: line ends and wide blanks


def document(content: object) -> None:
    """Print one JSON document."""
    _print(json.dumps(content, indent=2), sys.stdout)


def say(text: str) -> None:
    """Print a line, or several, of the result."""
    _print(_plain(text), sys.stdout)


def note(text: str) -> None:
    """Print a line on stderr: progress, or what is wrong."""
    _print(_plain(text), sys.stderr)


def say_error(message: str, hint: str) -> None:
    """Print on stderr why a command failed, and what can be done."""
    note(f"hubmirror: {message}")
    for line in hint.splitlines():
        note(f"  {line}")


def checkpoint(row: CheckpointRow) -> dict[str, object]:
    """Return a checkpoint as ``--json`` has it."""
    return {
        "url": row.url,
        "sha256": row.digest.hex,
        "size_bytes": row.size_bytes,
        "kind": row.contents.kind.value,
        "globals": list(row.contents.globals),
    }


def quarantined(rows: Iterable[Quarantined]) -> list[dict[str, str]]:
    """Return what is quarantined as ``--json`` has it."""
    return [{"sha256": row.digest.hex, "reason": row.reason, "since": row.at} for row in rows]


def finding(one: Finding) -> dict[str, str | None]:
    """Return what upstream did as ``--json`` has it."""
    return {
        "kind": one.kind.value,
        "subject": one.subject,
        "policy": one.policy.value,
        "message": one.message,
        "since": one.since or None,
    }


def size(size_bytes: int) -> str:
    """Return a size as people read it: decimal units, as disks are sold."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:  # what is rounded to 1000.0 is one of the next unit
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def age(seconds: int) -> str:
    """Return ``3 days``, in the largest unit of which there are two."""
    for span_s, noun in ((86_400, "day"), (3600, "hour")):
        if seconds >= 2 * span_s:
            return count(seconds // span_s, noun)
    return count(max(seconds, 0) // 60, "minute")


def count(number: int, noun: str) -> str:
    """Return ``1 repo``, ``2 repos``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as their widest cell; nothing but spaces between them."""
    lines = [tuple(head), *(tuple(map(_plain, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        _print("  ".join(cells).rstrip(), sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    stream.write(f"{text}\n")
    stream.flush()  # a log file shows progress when it is made


def _plain(text: str) -> str:
    """Show what would steer a terminal (escape codes in a docstring) as ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in _HARMLESS else ascii(one)[1:-1] for one in text
    )


def standing(one: Standing) -> dict[str, object]:
    """Return how an entrypoint stands, as every document has it."""
    proof = one.proof
    return {
        "call": one.call,
        "ref": one.ref,
        "state": one.state.value,
        "reason": proof.reason if proof else "",
        "torch": proof.torch if proof else None,
        "python": proof.python if proof else None,
        "platform": proof.platform if proof else None,
        "tried_at": proof.at if proof else None,
    }
