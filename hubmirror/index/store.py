"""The index as its writer uses it."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from hubmirror.errors import FormatError, StorageError
from hubmirror.findings import SeenUrl
from hubmirror.index import rows, tables
from hubmirror.index import seen as sightings
from hubmirror.records import Digest, Holdings, SnapshotRow, Source, Unit

_log = logging.getLogger(__name__)
_PRAGMAS = (
    "page_size = 8192",  # before all else: it cannot be changed later
    "cache_size = -65536",  # KiB, used as needed: a large source is not spilled half-way
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that came from a URL and were checked, whether or not they are published yet."""

    url: str
    digest: Digest
    size_bytes: int
    redirect: str
    etag: str


@dataclass(frozen=True, slots=True)
class Run:
    """One sync, as the history tells it; times are UTC, ISO 8601."""

    number: int
    sources: tuple[str, ...]
    started_at: str
    ended_at: str
    outcome: str


class Index:
    """An open index; close it, or use it in ``with``. Written by one process at a time."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, path: Path) -> Index:
        """Open the index, making an empty one where there is none or it cannot be read.

        A damaged file is kept beside the new one, for whoever wants to know why.

        Raises:
            FormatError: when a newer hubmirror made it.
            StorageError: when the file cannot be made or read.
        """
        try:
            return cls._open(path)
        except sa.exc.OperationalError as error:
            raise StorageError(f"{path}: the index cannot be opened: {error.orig}") from error
        except sa.exc.DatabaseError as error:
            aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
            _log.warning("%s: damaged, moved to %s: %s", path, aside.name, error.orig)
            path.rename(aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return cls._open(path)

    @classmethod
    def _open(cls, path: Path) -> Index:
        engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.StaticPool)
        try:
            with engine.begin() as connection:
                found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                if found > tables.SCHEMA:
                    raise FormatError(
                        f"{path}: index of schema {found}; this version knows {tables.SCHEMA}",
                        hint="install the newer hubmirror that wrote it",
                    )
                for pragma in _PRAGMAS:
                    connection.exec_driver_sql(f"PRAGMA {pragma}")
                for schema in range(found or tables.SCHEMA, tables.SCHEMA):
                    for statement in tables.MIGRATIONS.get(schema, ()):
                        connection.exec_driver_sql(statement)
                tables.metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {tables.SCHEMA}")
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Give one transaction.

        Raises:
            StorageError: when the database cannot be written: disk full, read-only, I/O error.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise StorageError(
                f"{self._engine.url.database}: the index cannot be written: {error.orig}",
                hint="what readers see is unchanged; mend that, and run the same command again",
            ) from error

    def replace_all(self, holdings: Holdings, publication: Digest | None) -> None:
        """Make the index say what a publication's catalog says, or nothing before the first."""
        with self._writing() as connection:
            connection.execute(tables.source.delete())
            connection.execute(tables.followed.delete())
            rows.insert(connection, holdings.sources, holdings.units)
            if publication:
                _follow(connection, publication)

    def follow(self, publication: Digest) -> None:
        """Remember that a publication says what this index says."""
        with self._writing() as connection:
            _follow(connection, publication)

    def follows(self) -> Digest | None:
        """Return the publication that this index was last in step with."""
        with self._engine.connect() as connection:
            raw = connection.execute(sa.select(tables.followed.c.publication)).scalar_one_or_none()
            return Digest(raw.hex()) if raw else None

    def replace_source(self, source: Source, units: Iterable[Unit]) -> None:
        """Replace one source with all its units, in one transaction.

        From now until ``follow`` the index is ahead of what is published, and says so.
        """
        with self._writing() as connection:
            connection.execute(tables.followed.delete())
            connection.execute(tables.source.delete().where(tables.source.c.name == source.name))
            rows.insert(connection, [source], units)

    def holdings(self) -> Holdings:
        """Return every source and unit."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(tables.source).order_by("name")).mappings()
            sources = tuple(Source(row["name"], row["lock"]) for row in found)
            return Holdings(sources, tuple(rows.units(connection)))

    def record_arrivals(self, arrivals: Iterable[Arrival]) -> None:
        """Remember bytes that were checked, so that a killed run need not fetch them again."""
        arrivals = list(arrivals)
        self._remember(tables.arrival, arrivals)
        self.record_seen(SeenUrl(one.url, one.etag, asked_at=_now()) for one in arrivals)

    def record_seen(self, seen: Iterable[SeenUrl]) -> None:
        """Remember what hosts said of URLs."""
        with self._writing() as connection:
            sightings.keep(connection, seen)

    def seen(self, *, drifted: bool = False) -> Mapping[str, SeenUrl]:
        """Return what was last seen of URLs: of all, or of those that were gone or changed."""
        with self._engine.connect() as connection:
            return sightings.find(connection, drifted=drifted)

    def arrivals(self) -> Mapping[str, Arrival]:
        """Return what has arrived, or was put, by URL."""
        with self._engine.connect() as connection:
            return {
                row["url"]: Arrival(
                    row["url"],
                    Digest(row["digest"].hex()),
                    row["size_bytes"],
                    row["redirect"],
                    row["etag"],
                )
                for table in (tables.arrival, tables.put)
                for row in connection.execute(sa.select(table)).mappings()
            }

    def put(self, *arrivals: Arrival) -> None:
        """Remember bytes that a person, or a trace, put in, until a source wants them."""
        self._remember(tables.put, arrivals)

    def waiting(self) -> frozenset[Digest]:
        """Return the digests of what was put in or made, and no source wanted so far."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(tables.put.c.digest)).scalars()
            put = {Digest(raw.hex()) for raw in found}
            made = rows.find_made(connection).values()
            return frozenset(put).union(*({row.digest, row.about} for row in made))

    def made(self) -> Mapping[rows.SnapshotName, SnapshotRow]:
        """Return the snapshots that were made before any source wanted them."""
        with self._engine.connect() as connection:
            return rows.find_made(connection)

    def record_made(self, made: Mapping[rows.SnapshotName, SnapshotRow]) -> None:
        """Remember snapshots until a source wants them."""
        with self._writing() as connection:
            rows.keep_made(connection, made)

    def forget_made(self, units: Iterable[Unit]) -> None:
        """Forget the snapshots that waited for a source, and are one of these units' now."""
        repos = [unit.repo for unit in units if unit.repo]
        held = {(repo.key, row.commit, row.digest) for repo in repos for row in repo.snapshots}
        taken = [name for name, row in self.made().items() if (*name[:2], row.digest) in held]
        if taken:
            with self._writing() as connection:
                rows.forget_made(connection, taken)

    def forget_arrivals(self, urls: Iterable[str] = ()) -> None:
        """Forget what arrived, once locks and rows say it; and what was put under these URLs."""
        taken = [{"taken": url} for url in urls]
        with self._writing() as connection:
            connection.execute(tables.arrival.delete())
            if taken:
                gone = tables.put.delete().where(tables.put.c.url == sa.bindparam("taken"))
                connection.execute(gone, taken)

    def _remember(self, table: sa.Table, arrivals: Iterable[Arrival]) -> None:
        found = [
            {
                "url": one.url,
                "digest": one.digest.raw,
                "size_bytes": one.size_bytes,
                "redirect": one.redirect,
                "etag": one.etag,
                "at": _now(),
            }
            for one in arrivals
        ]
        if not found:
            return
        statement = upsert(table)
        new = {name: statement.excluded[name] for name in found[0]}
        statement = statement.on_conflict_do_update(index_elements=["url"], set_=new)
        with self._writing() as connection:
            connection.execute(statement, found)

    @contextlib.contextmanager
    def run(self, sources: Iterable[str]) -> Iterator[list[str]]:
        """Record a sync; the caller appends its outcome to the list that it is given."""
        outcome: list[str] = []
        row = {"sources": json.dumps(list(sources)), "started_at": _now(), "ended_at": ""}
        with self._writing() as connection:
            number = connection.execute(
                tables.run.insert().values(**row, outcome="").returning(tables.run.c.number)
            ).scalar_one()
        try:
            yield outcome
        finally:
            values = {"ended_at": _now(), "outcome": outcome[-1] if outcome else "failed"}
            ended = tables.run.update().where(tables.run.c.number == number).values(**values)
            with self._writing() as connection:
                connection.execute(ended)

    def runs(self) -> tuple[Run, ...]:
        """Return every recorded sync, oldest first."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(tables.run).order_by("number")).mappings()
            return tuple(
                Run(
                    row["number"],
                    tuple(json.loads(row["sources"])),
                    row["started_at"],
                    row["ended_at"],
                    row["outcome"],
                )
                for row in found
            )


def _follow(connection: sa.Connection, publication: Digest) -> None:
    connection.execute(tables.followed.delete())
    connection.execute(tables.followed.insert(), [{"only": 1, "publication": publication.raw}])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
