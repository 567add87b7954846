"""Answers questions about one publication, from its catalog alone.

Takes no lock and writes nothing: works on a read-only mount that belongs to somebody else.
May be used from several threads.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hubmirror import urls
from hubmirror.catalog.rows import checkpoint, checkpoint_columns, snapshot
from hubmirror.catalog.schema import APPLICATION_ID
from hubmirror.errors import FormatError, VerificationError
from hubmirror.records import (
    BlobRef,
    CheckpointRow,
    Digest,
    Holdings,
    RefKind,
    RefRow,
    RepoKey,
    RepoRow,
    Source,
    Unit,
    UnitState,
    Use,
    WeightsKind,
)
from hubmirror.version import FORMAT, __version__

_UNIT_COLUMNS = "unit.id, unit.source, unit.name, unit.state, unit.reason, unit.wanted"

_BLOBS = (
    "SELECT digest, size_bytes FROM checkpoint "
    "UNION ALL SELECT digest, size_bytes FROM snapshot "
    "UNION ALL SELECT about, about_size_bytes FROM snapshot"
)


class Catalog:
    """An open catalog; close it, or use it in ``with``."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._lock = threading.Lock()
        self._checkpoint_columns = checkpoint_columns(database)

    @classmethod
    def open(cls, path: Path) -> Catalog:
        """Open a catalog whose bytes were checked against its digest.

        Raises:
            VerificationError: when it is no catalog, or holds triggers or views.
            FormatError: when a newer hubmirror wrote it.
        """
        uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        try:
            database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise VerificationError(f"{path}: cannot be opened: {error}") from error
        try:
            _check(path, database)
        except BaseException:
            database.close()
            raise
        return cls(path, database)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sources(self) -> tuple[Source, ...]:
        """Return every source with its lock, by name."""
        return tuple(
            Source(*row) for row in self._all("SELECT name, lock FROM source ORDER BY name")
        )

    def units(self) -> tuple[Unit, ...]:
        """Return every unit, by source and name."""
        return self._units("")

    def failing_units(self) -> tuple[Unit, ...]:
        """Return the units that are stale or incomplete, by source and name."""
        return self._units("WHERE state <> ?", UnitState.COMPLETE)

    def declaring_units(self) -> tuple[Unit, ...]:
        """Return the units that declare entrypoints, by source and name."""
        return self._units("WHERE wanted <> '[]'")

    def count_units(self) -> Mapping[str, int]:
        """Return how many units there are of each state."""
        return dict(self._all("SELECT state, count(*) FROM unit GROUP BY state"))

    def holdings(self) -> Holdings:
        """Return all that this catalog says."""
        return Holdings(self.sources(), self.units())

    def blobs(self) -> frozenset[BlobRef]:
        """Return every blob that these rows rely on; of 100,000 that is a fraction of a second."""
        rows = self._each(_BLOBS)
        return frozenset(BlobRef(Digest(digest.hex()), size) for digest, size in rows)

    def sizes(self) -> dict[bytes, int]:
        """Return the size of every blob that these rows rely on, by its raw digest."""
        return dict(self._each(_BLOBS))

    def needing(self, blob: Digest) -> tuple[str, ...]:
        """Name what relies on a blob, for a message: each URL, and each repo at its commit."""
        urls_of_it = self._all("SELECT DISTINCT url FROM checkpoint WHERE digest = ?", blob.raw)
        snapshots = self._all(
            "SELECT DISTINCT title, commit_id FROM snapshot JOIN repo USING (unit) "
            "WHERE digest = ? OR about = ?",
            blob.raw,
            blob.raw,
        )
        named = (f"{title} at {commit}" for title, commit in snapshots)
        return tuple(sorted([*(urls.redact(url) for (url,) in urls_of_it), *named]))

    def uses(self, wanted: Container[Digest] | None = None) -> tuple[Use, ...]:
        """Say what each blob is for: one for each URL and repo, ordered by digest.

        Args:
            wanted: Only of these blobs; of all where there is nothing said.
        """
        knows_kinds = "checkpoint.kind" in self._checkpoint_columns
        kind = "checkpoint.kind" if knows_kinds else f"'{WeightsKind.UNKNOWN}'"
        rows = self._each(
            f"SELECT digest, {kind}, checkpoint.url, ifnull(title, '') "
            "FROM checkpoint LEFT JOIN repo USING (unit) UNION "
            "SELECT digest, 'snapshot', url, title || '@' || commit_id "
            "FROM snapshot JOIN repo USING (unit) UNION "
            "SELECT about, 'about', url, title || '@' || commit_id "
            "FROM snapshot JOIN repo USING (unit) ORDER BY 1, 3, 4"
        )
        named = ((Digest(row[0].hex()), row[1:]) for row in rows)
        return tuple(
            Use(digest, *rest) for digest, rest in named if wanted is None or digest in wanted
        )

    def units_named(self, key: RepoKey) -> tuple[Unit, ...]:
        """Return the units whose repo is asked for by this name; several sources may have one."""
        named = "SELECT unit FROM repo_name WHERE host = ? AND path = ?"
        return self._units(f"WHERE id IN ({named})", key.host, key.path)

    def repo_titles(self) -> tuple[str, ...]:
        """Return the name of every mirrored repo as its manifest writes it."""
        return tuple(row[0] for row in self._all("SELECT DISTINCT title FROM repo ORDER BY title"))

    def find_checkpoint(self, url: str) -> CheckpointRow | None:
        """Find the weights that a URL names.

        The exact URL first; then the URL without signature and ``download`` parameters, then
        the same over https, then the place its upstream redirected to: each of these only where
        it leads to one blob.
        """
        canonical = urls.canonical(url)
        asked = [("url", url), ("canonical", canonical)]
        if canonical.startswith("http://"):  # never the other way: https asks for more trust
            asked.append(("canonical", f"https://{canonical.removeprefix('http://')}"))
        if urls.is_plain(url):  # otherwise the query says which bytes, and no redirect keeps it
            asked.append(("redirect", urls.place(url)))
        for column, value in asked:
            columns = self._checkpoint_columns
            sql = f"SELECT {columns} FROM checkpoint WHERE {column} = ? ORDER BY url"
            found = [checkpoint(row) for row in self._all(sql, value)]
            if len({row.digest for row in found}) == 1:
                return found[0]
        return None

    def why_incomplete(self, url: str) -> str:
        """Return why a checkpoint that a manifest wants is not here, or nothing."""
        sql = "SELECT reason FROM unit WHERE name = ? AND state = ?"
        found = self._all(sql, url, UnitState.INCOMPLETE)
        return str(found[0][0]) if found else ""

    def urls_ending_in(self, name: str, *, most: int) -> tuple[str, ...]:
        """Return mirrored URLs with this file name, for a message that says what is near."""
        escaped = name.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        sql = (
            r"SELECT DISTINCT url FROM checkpoint WHERE url LIKE ? ESCAPE '\' ORDER BY url LIMIT ?"
        )
        return tuple(row[0] for row in self._all(sql, f"%/{escaped}", most))

    def urls_below(self, prefix: str) -> tuple[str, ...]:
        """Return the mirrored URLs that begin with a text."""
        sql = "SELECT DISTINCT url FROM checkpoint WHERE url >= ? AND url < ? ORDER BY url"
        return tuple(row[0] for row in self._all(sql, prefix, f"{prefix}\U0010ffff"))

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:  # SQLite's own types
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    def _each(self, sql: str) -> Iterator[tuple[Any, ...]]:  # SQLite's own types
        with self._lock:
            yield from self._database.execute(sql)

    def _units(self, condition: str, *values: object) -> tuple[Unit, ...]:
        sql = f"SELECT {_UNIT_COLUMNS} FROM unit {condition} ORDER BY source, name"
        return tuple(self._unit(row) for row in self._all(sql, *values))

    def _unit(self, row: Sequence[Any]) -> Unit:
        number, source, name, state, reason, wanted = row
        sql = f"SELECT {self._checkpoint_columns} FROM checkpoint WHERE unit = ? ORDER BY url"
        checkpoints = tuple(checkpoint(found) for found in self._all(sql, number))
        repo = self._repo(number)
        calls = tuple(json.loads(wanted))
        return Unit(source, name, UnitState(state), reason, repo, checkpoints, calls)

    def _repo(self, number: int) -> RepoRow | None:
        columns = "title, host, path, url, default_branch, aliases"
        found = self._all(f"SELECT {columns} FROM repo WHERE unit = ?", number)
        if not found:
            return None
        title, host, path, url, default_branch, aliases = found[0]
        sql = "SELECT name, kind, commit_id FROM ref WHERE unit = ? ORDER BY name, kind"
        refs = tuple(RefRow(name, RefKind(kind), to) for name, kind, to in self._all(sql, number))
        columns = (
            "commit_id, digest, size_bytes, entrypoints, open_ended, dependencies, "
            "requires_torch, about, about_size_bytes"
        )
        sql = f"SELECT {columns} FROM snapshot WHERE unit = ? ORDER BY commit_id"
        snapshots = tuple(snapshot(row) for row in self._all(sql, number))
        names = tuple(json.loads(aliases))
        return RepoRow(title, RepoKey(host, path), url, default_branch, names, refs, snapshots)


def _check(path: Path, database: sqlite3.Connection) -> None:
    try:
        database.execute("PRAGMA trusted_schema = OFF")
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        strange = database.execute(
            "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index')"
        ).fetchall()
    except sqlite3.DatabaseError as error:
        raise VerificationError(f"{path}: not a catalog: {error}") from error
    if application != APPLICATION_ID:
        raise VerificationError(f"{path}: not a catalog: its application id is {application:#x}")
    if version > FORMAT:
        raise FormatError(
            f"{path}: catalog of format {version}; hubmirror {__version__} reads up to {FORMAT}",
            hint="install a newer hubmirror on this machine",
        )
    if strange:
        kind, name = strange[0]
        raise VerificationError(f"{path}: a catalog has tables only, this one has {kind} {name!r}")
