"""Says of weights what their bytes are, once for each digest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hubmirror.inspection import inspect_file
from hubmirror.records import CheckpointRow, Contents, Digest, Holdings, WeightsKind


def describe_all(
    rows: Iterable[CheckpointRow], before: Holdings, path_of: Callable[[Digest], Path | None]
) -> Mapping[CheckpointRow, CheckpointRow]:
    """Return each row with what its bytes are, and with the redirect that it had.

    What was said before is taken over; only bytes of first sight are read, or those of rows
    that an older hubmirror wrote. A row whose bytes cannot be read stays unknown.
    """
    earlier = [row for unit in before.units for row in unit.checkpoints]
    redirects = {(row.url, row.digest): row.redirect for row in earlier}
    known = {
        row.digest: row.contents for row in earlier if row.contents.kind is not WeightsKind.UNKNOWN
    }
    described: dict[CheckpointRow, CheckpointRow] = {}
    for row in rows:
        if row.digest not in known:
            known[row.digest] = _inspect(path_of(row.digest))
        redirect = row.redirect or redirects.get((row.url, row.digest), "")
        described[row] = replace(row, redirect=redirect, contents=known[row.digest])
    return described


def _inspect(path: Path | None) -> Contents:
    try:
        return inspect_file(path) if path else Contents()
    except OSError:
        return Contents()
