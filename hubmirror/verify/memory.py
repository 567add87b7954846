"""Remembers when each blob was last read whole, and whether it was sound.

Owns ``STATE/verified.db``. It is a cache of the writer's host: losing it costs reading, and
nothing is believed of a mirror because of what it says.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from hubmirror.records import Digest

_TABLE = (
    "CREATE TABLE IF NOT EXISTS read "
    "(digest BLOB PRIMARY KEY, at INTEGER NOT NULL, is_sound INTEGER NOT NULL) WITHOUT ROWID"
)
_PATIENCE_S = 5.0


class Memory:
    """What is remembered of one mirror."""

    def __init__(self, path: Path) -> None:
        """Remember in this file; it is made when there is something to remember."""
        self._path = path

    def read_at(self) -> dict[Digest, int]:
        """Return when each blob was last read and found sound, in seconds since 1970."""
        with contextlib.suppress(sqlite3.Error), self._open() as database:
            rows = database.execute("SELECT digest, at FROM read WHERE is_sound").fetchall()
            return {Digest(digest.hex()): at for digest, at in rows}
        return {}

    def bad(self) -> frozenset[Digest]:
        """Return the blobs that were not sound when they were read last."""
        with contextlib.suppress(sqlite3.Error), self._open() as database:
            rows = database.execute("SELECT digest FROM read WHERE NOT is_sound").fetchall()
            return frozenset(Digest(digest.hex()) for (digest,) in rows)
        return frozenset()

    def note(self, sound: Iterable[Digest], bad: Iterable[Digest], at: int) -> None:
        """Remember what was read just now.

        Raises:
            sqlite3.Error: when it cannot be kept, such as on a full disk.
        """
        rows = [(digest.raw, at, 1) for digest in sound] + [(digest.raw, at, 0) for digest in bad]
        with self._open() as database:
            database.executemany("INSERT OR REPLACE INTO read VALUES (?, ?, ?)", rows)

    def forget_all_but(self, held: Iterable[Digest]) -> None:
        """Forget blobs that are no longer promised."""
        with self._open() as database:
            known = {digest for (digest,) in database.execute("SELECT digest FROM read")}
            gone = known - {digest.raw for digest in held}
            database.executemany("DELETE FROM read WHERE digest = ?", [(one,) for one in gone])

    def forget_if_torn(self) -> None:
        """Begin anew where the file is no database any more."""
        try:
            with self._open() as database:
                database.execute("SELECT count(*) FROM read").fetchone()
        except sqlite3.OperationalError:
            return  # locked, or a disk that is full: nothing is known to be wrong with it
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        opened = sqlite3.connect(self._path, timeout=_PATIENCE_S)
        with contextlib.closing(opened) as database, database:
            database.execute(_TABLE)
            yield database
