"""Makes catalog files, and the digest that tells whether one would say anything new."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from hubmirror import urls
from hubmirror.catalog.schema import APPLICATION_ID, TABLES
from hubmirror.records import CheckpointRow, Digest, Holdings, RepoRow, Unit, WeightsKind
from hubmirror.version import FORMAT


def content_digest(holdings: Holdings) -> Digest:
    """Return the sha256 over the sorted public rows.

    Two publications that say the same have the same content digest, whatever version of
    SQLite wrote their catalogs.
    """
    rows = [_row("source", source) for source in holdings.sources]
    # The words of a failure may change with each attempt, and say nothing new.
    rows += [_row("unit", dataclasses.replace(unit, reason="")) for unit in holdings.units]
    summary = hashlib.sha256()
    for row in sorted(rows):
        summary.update(row.encode() + b"\n")
    return Digest(summary.hexdigest())


def _row(kind: str, record: Any) -> str:  # any of our dataclasses
    return json.dumps({kind: record}, default=_fields, sort_keys=True, separators=(",", ":"))


def _fields(record: Any) -> dict[str, object]:  # any of our dataclasses
    fields = {name: getattr(record, name) for name in record.__slots__}
    if isinstance(record, CheckpointRow) and record.contents.kind is WeightsKind.UNKNOWN:
        del fields["contents"]  # as before there was such a field
    return fields


def write_catalog(path: Path, holdings: Holdings) -> None:
    """Write a new catalog into an empty file.

    The rows go in sorted order, so that the same holdings give the same bytes under one
    version of SQLite.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")  # whoever places the file makes it durable
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {FORMAT}")
        database.execute("BEGIN")
        for statement in TABLES.split(";"):
            database.execute(statement)
        sources = [(source.name, source.lock) for source in holdings.sources]
        database.executemany("INSERT INTO source VALUES (?, ?)", sorted(sources))
        for number, unit in enumerate(sorted(holdings.units, key=_unit_order), start=1):
            _insert_unit(database, number, unit)
        database.execute("COMMIT")
        database.execute("VACUUM")


def _unit_order(unit: Unit) -> tuple[str, str]:
    return unit.source, unit.name


def _insert_unit(database: sqlite3.Connection, number: int, unit: Unit) -> None:
    database.execute(
        "INSERT INTO unit VALUES (?, ?, ?, ?, ?, ?)",
        (number, unit.source, unit.name, unit.state, unit.reason, _names(unit.wanted)),
    )
    if unit.repo:
        _insert_repo(database, number, unit.repo)
    database.executemany(
        "INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                row.url,
                number,
                urls.canonical(row.url),
                row.redirect,
                row.digest.raw,
                row.size_bytes,
                row.contents.kind,
                _names(row.contents.globals),
            )
            for row in sorted(unit.checkpoints, key=lambda row: row.url)
        ],
    )


def _insert_repo(database: sqlite3.Connection, number: int, repo: RepoRow) -> None:
    database.execute(
        "INSERT INTO repo VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            repo.title,
            repo.key.host,
            repo.key.path,
            repo.url,
            repo.default_branch,
            _names(repo.aliases),
        ),
    )
    names = sorted((key.host, key.path, number) for key in repo.names())
    database.executemany("INSERT INTO repo_name VALUES (?, ?, ?)", names)
    refs = [(number, ref.name, ref.kind, ref.commit) for ref in sorted(repo.refs)]
    database.executemany("INSERT INTO ref VALUES (?, ?, ?, ?)", refs)
    database.executemany(
        "INSERT INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number,
                row.commit,
                row.digest.raw,
                row.size_bytes,
                _names(row.entrypoints),
                row.open_ended,
                _names(row.dependencies),
                row.requires_torch,
                row.about.raw,
                row.about_size_bytes,
            )
            for row in sorted(repo.snapshots, key=lambda row: row.commit)
        ],
    )


def _names(names: Iterable[str]) -> str:
    return json.dumps(list(names))
