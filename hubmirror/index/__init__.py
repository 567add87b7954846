"""The writer's index: every source's rows, what has arrived, and the history of runs.

The only room that imports SQLAlchemy; rows go in and records come out. The index is a cache:
where it and the published catalog differ, the catalog is right, and the index is filled from
it again.
"""

from hubmirror.index.rows import SnapshotName
from hubmirror.index.store import Arrival, Index, Run

__all__ = ["Arrival", "Index", "Run", "SnapshotName"]
