"""The tables of the index: the catalog's rows, keyed by source and unit, and the history."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

SCHEMA = 2

metadata = MetaData()


def _of_unit(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("source", Text, primary_key=True),
        Column("unit", Text, primary_key=True),
        *columns,
        ForeignKeyConstraint(["source", "unit"], ["unit.source", "unit.name"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


def _of_snapshot() -> list[Column[object]]:
    return [
        Column("commit_id", Text, primary_key=True),
        Column("digest", LargeBinary, nullable=False),
        Column("size_bytes", Integer, nullable=False),
        Column("entrypoints", Text, nullable=False),
        Column("open_ended", Boolean, nullable=False),
        Column("dependencies", Text, nullable=False),
        Column("requires_torch", Text, nullable=False),
        Column("about", LargeBinary, nullable=False),
        Column("about_size_bytes", Integer, nullable=False),
    ]


source = Table(
    "source",
    metadata,
    Column("name", Text, primary_key=True),
    Column("lock", Text, nullable=False),
)

unit = Table(
    "unit",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    ForeignKeyConstraint(["source"], ["source.name"], ondelete="CASCADE"),
)

repo = _of_unit(
    "repo",
    Column("title", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("default_branch", Text, nullable=False),
    Column("aliases", Text, nullable=False),
)

ref = _of_unit(
    "ref",
    Column("name", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("commit_id", Text, nullable=False),
)

snapshot = _of_unit(
    "snapshot",
    *_of_snapshot(),
)

checkpoint = _of_unit(
    "checkpoint",
    Column("url", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("redirect", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("globals", Text, nullable=False),
)

# What brings an index of an older schema up to the next, by the schema that it has.
MIGRATIONS = {
    1: (
        "ALTER TABLE checkpoint ADD COLUMN kind TEXT NOT NULL DEFAULT 'unknown'",
        "ALTER TABLE checkpoint ADD COLUMN globals TEXT NOT NULL DEFAULT '[]'",
    ),
}


def _of_arrivals(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("url", Text, primary_key=True),
        Column("digest", LargeBinary, nullable=False),
        Column("size_bytes", Integer, nullable=False),
        Column("redirect", Text, nullable=False),
        Column("etag", Text, nullable=False),
        Column("at", Text, nullable=False),
    )


arrival = _of_arrivals("arrival")

put = _of_arrivals("put")

# Snapshots that a trace made, until a source wants them; an index without the table gets it.
made = Table(
    "made",
    metadata,
    Column("host", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("content", Text, primary_key=True),
    *_of_snapshot(),
)

# A table that is new needs no migration: whoever opens an older index makes it.
seen = Table(
    "seen",
    metadata,
    Column("url", Text, primary_key=True),
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("sources", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("outcome", Text, nullable=False),
)

followed = Table(
    "followed",
    metadata,
    Column("only", Integer, primary_key=True),
    Column("publication", LargeBinary, nullable=False),
)
