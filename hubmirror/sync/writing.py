"""A mirror opened by its one writer, with the index that a sync keeps of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror.index import Index
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.writer import writing as writing_mirror


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a writer holds while it is at work: the mirror, its own state, and the index."""

    mirror: Mirror
    state: StateLayout
    index: Index


@contextlib.contextmanager
def writing(settings: Settings) -> Iterator[Workplace]:
    """Open a mirror and its index for writing, and keep every other writer out.

    Raises:
        LockedError: when another writer is at work, with this state folder or another.
        StorageError: when mirror or state cannot be this user's to write.
    """
    with writing_mirror(settings) as desk, Index.open(desk.state.index) as index:
        yield Workplace(desk.mirror, desk.state, index)
