"""How values look on a terminal and in ``--json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import click


def document(content: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(content, indent=2))


def size(size_bytes: int) -> str:
    """Return a size as people read it: decimal units, as disks are sold."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def count(number: int, noun: str) -> str:
    """Return ``1 repo``, ``2 repos``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as their widest cell; nothing but spaces between them."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
