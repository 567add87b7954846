"""The catalog: the read-only SQLite file that says what one publication holds.

``schema`` names the tables, ``reader`` answers questions, ``writer`` makes the file.
Standard library only: the offline half stands on it.
"""

from hubmirror.catalog.reader import Catalog
from hubmirror.catalog.writer import content_digest, write_catalog

__all__ = ["Catalog", "content_digest", "write_catalog"]
