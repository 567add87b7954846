"""Rows of a catalog as the values of ``records``; which rows, is for the reader to say."""

from __future__ import annotations

import functools
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from hubmirror.records import CheckpointRow, Contents, Digest, SnapshotRow, WeightsKind

_CHECKPOINT_COLUMNS = (
    "checkpoint.url, checkpoint.digest, checkpoint.size_bytes, checkpoint.redirect"
)
_CONTENTS_COLUMNS = "checkpoint.kind, checkpoint.globals"
_UNKNOWN = f"'{WeightsKind.UNKNOWN}', '[]'"
_KINDS = frozenset(WeightsKind)


def checkpoint_columns(database: sqlite3.Connection) -> str:
    """Return the columns of a checkpoint, as far as this catalog has them."""
    names = {row[1] for row in database.execute("PRAGMA table_info(checkpoint)")}
    # The first catalogs of format 1 did not say what weights are.
    return f"{_CHECKPOINT_COLUMNS}, {_CONTENTS_COLUMNS if 'kind' in names else _UNKNOWN}"


def checkpoint(row: Sequence[Any]) -> CheckpointRow:
    """Read a row of ``checkpoint_columns``."""
    url, digest, size, redirect, kind, names = row
    return CheckpointRow(url, Digest(digest.hex()), size, redirect, _contents(kind, names))


@functools.lru_cache  # tens of thousands of rows say the same
def _contents(kind: str, names: str) -> Contents:
    # A newer version may know more kinds than this one.
    known = WeightsKind(kind) if kind in _KINDS else WeightsKind.UNKNOWN
    return Contents(known, tuple(json.loads(names)))


def snapshot(row: Sequence[Any]) -> SnapshotRow:
    """Read a row of the table of snapshots."""
    commit, digest, size, entrypoints, open_ended, dependencies, torch, about, about_size = row
    return SnapshotRow(
        commit=commit,
        digest=Digest(digest.hex()),
        size_bytes=size,
        entrypoints=tuple(json.loads(entrypoints)),
        open_ended=bool(open_ended),
        dependencies=tuple(json.loads(dependencies)),
        requires_torch=torch,
        about=Digest(about.hex()),
        about_size_bytes=about_size,
    )
