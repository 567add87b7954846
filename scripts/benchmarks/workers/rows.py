"""100,000 checkpoints into the writer's index, by our code or by sqlite3 alone.

Both start from the same records and write the same rows into the same tables, in one
transaction. The making of the records is not timed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from hubmirror.index import Index
from hubmirror.records import CheckpointRow, Digest, Source, Unit, UnitState
from scripts.benchmarks.workers.job import Job, prepare

_UNITS = 100


def writing(job: Job) -> Callable[[], None]:
    """Make the records and an empty index; give what is timed."""
    units = _units(int(job.words["rows"]))
    path = Path(job.folder, "index.db")
    if job.words["by"] == "sqlite3":
        Index.open(path).close()
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return lambda: _insert(connection, units)
    index = Index.open(path)
    return lambda: index.replace_source(Source("bench", "{}"), units)


def _units(rows: int) -> list[Unit]:
    each = rows // _UNITS
    return [
        Unit(
            source="bench",
            name=f"owner/repo_{number}",
            state=UnitState.COMPLETE,
            reason="",
            repo=None,
            checkpoints=tuple(_row(number * each + place) for place in range(each)),
            wanted=(),
        )
        for number in range(_UNITS)
    ]


def _row(number: int) -> CheckpointRow:
    url = f"https://host.example/weights/{number}.pth"
    return CheckpointRow(url, Digest.of(url.encode()), number, "")


def _insert(connection: sqlite3.Connection, units: list[Unit]) -> None:
    with connection:
        connection.execute("INSERT INTO source (name, lock) VALUES (?, ?)", ("bench", "{}"))
        connection.executemany(
            "INSERT INTO unit (source, name, state, reason, wanted) VALUES (?, ?, ?, ?, ?)",
            [
                (one.source, one.name, one.state.value, one.reason, json.dumps(one.wanted))
                for one in units
            ],
        )
        connection.executemany(
            "INSERT INTO checkpoint "
            "(source, unit, url, digest, size_bytes, redirect, kind, globals) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(one.source, one.name, row.url, row.digest.raw, row.size_bytes),
                    *(row.redirect, row.contents.kind.value, json.dumps(row.contents.globals)),
                )
                for one in units
                for row in one.checkpoints
            ],
        )


if __name__ == "__main__":
    prepare(writing)
