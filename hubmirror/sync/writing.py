"""A mirror opened by its one writer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror import files, layout
from hubmirror.index import Index
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.state import open_state


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a writer holds while it is at work: the mirror, its own state, and the index."""

    mirror: Mirror
    state: StateLayout
    index: Index


@contextlib.contextmanager
def writing(settings: Settings) -> Iterator[Workplace]:
    """Open a mirror for writing, making a missing one, and keep every other writer out.

    Raises:
        LockedError: when another writer is at work, with this state folder or another.
        StorageError: when mirror or state cannot be this user's to write.
    """
    mirror = Mirror.create(settings.require_mirror().absolute(), settings.modes)
    state = open_state(settings, mirror.root, mirror.id)
    with (
        mirror,
        files.exclusive(state.run_lock),
        files.exclusive(mirror.incoming / layout.LOCK),
        Index.open(state.index) as index,
    ):
        yield Workplace(mirror, state, index)
