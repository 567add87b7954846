"""A mirror opened by its one writer.

Owns: which locks a writer holds, and in which order it takes them. Standard library only, so
that whoever brings a bundle to an offline node may write there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror import files, layout
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.state import open_state


@dataclass(frozen=True, slots=True)
class Desk:
    """What a writer holds while it is at work: the mirror, and its own state."""

    mirror: Mirror
    state: StateLayout


@contextlib.contextmanager
def writing(settings: Settings) -> Iterator[Desk]:
    """Open a mirror for writing, making a missing one, and keep every other writer out.

    Raises:
        LockedError: when another writer is at work, with this state folder or another.
        StorageError: when mirror or state cannot be this user's to write.
    """
    mirror = Mirror.create(settings.require_mirror().absolute(), settings.modes)
    state = open_state(settings, mirror.root, mirror.id)
    with mirror, files.exclusive(state.run_lock), files.exclusive(mirror.incoming / layout.LOCK):
        yield Desk(mirror, state)
