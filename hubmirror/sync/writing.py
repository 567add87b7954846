"""A mirror opened by its one writer, with the index that a sync keeps of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror.index import Index
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.writer import Desk, Turn
from hubmirror.writer import writing as writing_mirror


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a writer holds while it is at work: the mirror, its own state, and the index."""

    desk: Desk
    index: Index

    @property
    def mirror(self) -> Mirror:
        """The mirror."""
        return self.desk.mirror

    @property
    def state(self) -> StateLayout:
        """The writer's own folder."""
        return self.desk.state


@contextlib.contextmanager
def writing(settings: Settings, turn: Turn) -> Iterator[Workplace]:
    """Open a mirror and its index for writing, and keep every other writer out.

    Raises:
        LockedError: when another writer is at work, with this state folder or another.
        RefusedError, StorageError: as ``hubmirror.writer.writing`` has them.
    """
    with writing_mirror(settings, turn) as desk, Index.open(desk.state.index) as index:
        yield Workplace(desk, index)
