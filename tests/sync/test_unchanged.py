"""What did not change is not written again, and that alone is no reason to lose it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from hubmirror.errors import ExitCode
from hubmirror.index import Index
from hubmirror.mirror import Mirror
from tests.upstream import Upstream, hubs
from tests.writer import Writer, wanted

OF_SOURCES = ("source", "unit", "repo", "ref", "snapshot", "checkpoint")


def seal(writer: Writer, source: str) -> None:
    """Let the index refuse any change to the rows of a source."""
    with closing(sqlite3.connect(index_file(writer))) as database:
        for table in OF_SOURCES:
            column = "name" if table == "source" else "source"
            for verb, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
                database.execute(
                    f"CREATE TRIGGER {verb}_{table} BEFORE {verb} ON {table} "
                    f"WHEN {row}.{column} = '{source}' "
                    "BEGIN SELECT RAISE(ABORT, 'written'); END"
                )
        database.commit()


def index_file(writer: Writer) -> Path:
    return writer.folder / "state" / "index.db"


def agree(writer: Writer) -> bool:
    """Tell whether the index says what is published, and says so."""
    with Index.open(index_file(writer)) as index, Mirror.open(writer.root) as mirror:
        return (
            index.follows() == mirror.publications.current()
            and index.holdings() == mirror.catalog().holdings()
        )


def test_an_unchanged_source_writes_nothing_in_the_index(
    writer: Writer, upstream: Upstream
) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)
    seal(writer, "team")

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert report.published is None
    assert agree(writer)


def test_a_source_that_changed_is_written(writer: Writer, upstream: Upstream) -> None:
    hub = wanted(hubs.plain_weights(upstream))
    writer.sync(writer.manifest([hub]))
    seal(writer, "team")

    manifest = writer.manifest([hub], checkpoints=[{"url": upstream.put("/new.pth", b"new")}])

    with pytest.raises(IntegrityError, match="written"):
        writer.sync(manifest)


def test_a_change_of_one_source_leaves_the_rows_of_the_other(
    writer: Writer, upstream: Upstream
) -> None:
    one = writer.manifest([wanted(hubs.plain_weights(upstream))], name="one")
    first = upstream.put("/first.pth", b"first")
    two = writer.manifest(checkpoints=[{"url": first}], name="two")
    writer.sync(one, two)
    seal(writer, "one")
    second = upstream.put("/second.pth", b"second")
    writer.manifest(checkpoints=[{"url": first}, {"url": second}], name="two")

    report = writer.sync(one, two)

    assert report.published is not None
    assert {unit.name for unit in writer.holdings().units if unit.source == "two"} == {
        first,
        second,
    }
    assert agree(writer)


def test_what_a_newer_publication_says_is_not_taken_for_unchanged(
    writer: Writer, upstream: Upstream
) -> None:
    url = upstream.put("/first.pth", b"first")
    manifest = writer.manifest(checkpoints=[{"url": url}])
    writer.sync(manifest)
    current = (writer.root / "current.json").read_bytes()
    writer.sync(writer.manifest())
    (writer.root / "current.json").write_bytes(current)  # as if killed before the last step

    report = writer.sync(writer.manifest())

    assert report.published is not None
    assert writer.holdings().units == ()
    assert agree(writer)
