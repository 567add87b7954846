"""The catalog: the read-only SQLite file that says what one publication holds.

``schema`` names the tables, ``reader`` answers questions, ``writer`` makes the file; it is not
imported here, for readers have no use for it.
Standard library only: the offline half stands on it.
"""

from hubmirror.catalog.reader import Catalog

__all__ = ["Catalog"]
