"""How records become rows of the index, and rows become records."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from hubmirror.index import tables
from hubmirror.records import (
    CheckpointRow,
    Contents,
    Digest,
    RefKind,
    RefRow,
    RepoKey,
    RepoRow,
    SnapshotRow,
    Source,
    Unit,
    UnitState,
    WeightsKind,
)

_Row = Mapping[Any, Any]  # a row as SQLAlchemy gives it: the database's own types
_UnitId = tuple[str, str]

SnapshotName = tuple[RepoKey, str, str]
"""A repo, a commit, and the choices that its snapshot's bytes depend on."""

_ALL = (
    tables.source,
    tables.unit,
    tables.repo,
    tables.ref,
    tables.snapshot,
    tables.checkpoint,
)


def insert(connection: sa.Connection, sources: Iterable[Source], new: Iterable[Unit]) -> None:
    """Insert sources and units; each table gets its rows in one statement.

    The rows are tuples in the order of a table's columns and go straight to the driver: for a
    large source, what SQLAlchemy does for each dict costs twice what the database does.
    """
    rows: dict[sa.Table, list[tuple[object, ...]]] = {table: [] for table in _ALL}
    rows[tables.source] += [(source.name, source.lock) for source in sources]
    for unit in new:
        owner = (unit.source, unit.name)
        wanted = json.dumps(unit.wanted)
        rows[tables.unit].append((*owner, unit.state.value, unit.reason, wanted))
        if unit.repo:
            _collect_repo(rows, owner, unit.repo)
        rows[tables.checkpoint] += [
            (
                *owner,
                row.url,
                row.digest.raw,
                row.size_bytes,
                row.redirect,
                row.contents.kind.value,
                json.dumps(row.contents.globals) if row.contents.globals else "[]",
            )
            for row in unit.checkpoints
        ]
    for table, values in rows.items():
        if values:
            statement = str(table.insert().compile(dialect=connection.dialect))
            connection.exec_driver_sql(statement, values)


def _collect_repo(
    rows: Mapping[sa.Table, list[tuple[object, ...]]], owner: _UnitId, repo: RepoRow
) -> None:
    rows[tables.repo].append(
        (
            *owner,
            repo.title,
            repo.key.host,
            repo.key.path,
            repo.url,
            repo.default_branch,
            json.dumps(repo.aliases),
        )
    )
    rows[tables.ref].extend((*owner, row.name, row.kind.value, row.commit) for row in repo.refs)
    rows[tables.snapshot].extend((*owner, *_snapshot_values(row)) for row in repo.snapshots)


def _snapshot_values(row: SnapshotRow) -> tuple[object, ...]:
    return (
        row.commit,
        row.digest.raw,
        row.size_bytes,
        json.dumps(row.entrypoints),
        row.open_ended,
        json.dumps(row.dependencies),
        row.requires_torch,
        row.about.raw,
        row.about_size_bytes,
    )


def keep_made(connection: sa.Connection, made: Mapping[SnapshotName, SnapshotRow]) -> None:
    """Insert snapshots that wait for a source, or replace them."""
    for (key, commit, content), row in made.items():
        forget_made(connection, [(key, commit, content)])
        values = (key.host, key.path, content, *_snapshot_values(row))
        names = (column.name for column in tables.made.columns)
        connection.execute(tables.made.insert().values(dict(zip(names, values, strict=True))))


def find_made(connection: sa.Connection) -> dict[SnapshotName, SnapshotRow]:
    """Return the snapshots that wait for a source."""
    return {
        (RepoKey(row["host"], row["path"]), row["commit_id"], row["content"]): _snapshot(row)
        for row in connection.execute(sa.select(tables.made)).mappings()
    }


def forget_made(connection: sa.Connection, names: Iterable[SnapshotName]) -> None:
    """Delete snapshots that need not wait any more."""
    table = tables.made.c
    for key, commit, content in names:
        connection.execute(
            tables.made.delete().where(
                (table.host == key.host)
                & (table.path == key.path)
                & (table.commit_id == commit)
                & (table.content == content)
            )
        )


def units(connection: sa.Connection) -> Iterator[Unit]:
    """Go through every unit, by source and name."""
    refs = _by_unit(connection, tables.ref, "name", "kind")
    snapshots = _by_unit(connection, tables.snapshot, "commit_id")
    checkpoints = _by_unit(connection, tables.checkpoint, "url")
    repos = _by_unit(connection, tables.repo)
    for row in connection.execute(sa.select(tables.unit).order_by("source", "name")).mappings():
        key = (row["source"], row["name"])
        repo = _repo(repos[key][0], refs[key], snapshots[key]) if repos[key] else None
        yield Unit(
            source=row["source"],
            name=row["name"],
            state=UnitState(row["state"]),
            reason=row["reason"],
            repo=repo,
            checkpoints=tuple(_checkpoint(found) for found in checkpoints[key]),
            wanted=tuple(json.loads(row["wanted"])),
        )


def _by_unit(
    connection: sa.Connection, table: sa.Table, *order: str
) -> defaultdict[_UnitId, list[_Row]]:
    found: defaultdict[_UnitId, list[_Row]] = defaultdict(list)
    for row in connection.execute(sa.select(table).order_by(*order)).mappings():
        found[row["source"], row["unit"]].append(row)
    return found


def _repo(row: _Row, refs: Iterable[_Row], snapshots: Iterable[_Row]) -> RepoRow:
    return RepoRow(
        title=row["title"],
        key=RepoKey(row["host"], row["path"]),
        url=row["url"],
        default_branch=row["default_branch"],
        aliases=tuple(json.loads(row["aliases"])),
        refs=tuple(RefRow(ref["name"], RefKind(ref["kind"]), ref["commit_id"]) for ref in refs),
        snapshots=tuple(_snapshot(found) for found in snapshots),
    )


def _checkpoint(row: _Row) -> CheckpointRow:
    digest = Digest(row["digest"].hex())
    contents = Contents(WeightsKind(row["kind"]), tuple(json.loads(row["globals"])))
    return CheckpointRow(row["url"], digest, row["size_bytes"], row["redirect"], contents)


def _snapshot(row: _Row) -> SnapshotRow:
    return SnapshotRow(
        commit=row["commit_id"],
        digest=Digest(row["digest"].hex()),
        size_bytes=row["size_bytes"],
        entrypoints=tuple(json.loads(row["entrypoints"])),
        open_ended=row["open_ended"],
        dependencies=tuple(json.loads(row["dependencies"])),
        requires_torch=row["requires_torch"],
        about=Digest(row["about"].hex()),
        about_size_bytes=row["about_size_bytes"],
    )
