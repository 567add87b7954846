"""A mirror opened by its one writer.

Owns: which locks a writer holds, in which order it takes them, and which host may write.
``run.lock`` is held for a whole run; ``publish.lock`` for the moments in which names change, so
that a rollback never waits for a long sync. Each lies in the state folder and in the mirror,
for a mirror may be written with two state folders. Standard library only, so that whoever
brings a bundle to an offline node may write there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hubmirror import files, filesystem, layout
from hubmirror.errors import RefusedError, StorageError
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.state import open_state
from hubmirror.writer_file import Host, WriterFile

_SHORT_WAIT_S = 60


@dataclass(frozen=True, slots=True)
class Turn:
    """How a writer asks for its turn.

    Attributes:
        verb: What it is about to do, for whoever finds the mirror locked.
        wait_s: How long it waits for a writer that is at work.
        is_taking_over: True when this host is to write from now on, whichever did before.
    """

    verb: str = ""
    wait_s: float = 0
    is_taking_over: bool = False


_NAMELESS = Turn()


@dataclass(frozen=True, slots=True)
class Desk:
    """What a writer holds while it is at work: the mirror, and its own state."""

    mirror: Mirror
    state: StateLayout
    turn: Turn = _NAMELESS

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """Hold the short lock: what readers see changes inside, and is read again first.

        Raises:
            LockedError: when another writer holds it for a minute.
        """
        wait_s = max(self.turn.wait_s, _SHORT_WAIT_S)
        incoming = self.mirror.incoming / layout.PUBLISH_LOCK
        with (
            files.exclusive(self.state.publish_lock, self.turn.verb, wait_s=wait_s),
            files.exclusive(incoming, self.turn.verb, wait_s=wait_s),
        ):
            yield


@contextlib.contextmanager
def writing(settings: Settings, turn: Turn = _NAMELESS) -> Iterator[Desk]:
    """Open a mirror for a whole run, making a missing one, and keep every other run out.

    Raises:
        LockedError: when another writer is at work, with this state folder or another.
        RefusedError: when another host writes this mirror.
        StorageError: when mirror or state cannot be this user's to write, or its file system
            does not keep what a writer relies on.
    """
    with _opened(settings, turn) as desk:
        incoming = desk.mirror.incoming / layout.LOCK
        with (
            files.exclusive(desk.state.run_lock, turn.verb, wait_s=turn.wait_s),
            files.exclusive(incoming, turn.verb, wait_s=turn.wait_s),
        ):
            yield desk


@contextlib.contextmanager
def pointing(settings: Settings, turn: Turn) -> Iterator[Desk]:
    """Open a mirror to change what readers see, and no more; a run may be at work meanwhile.

    Raises:
        NotFoundError: when there is no mirror.
        LockedError: when another writer holds the short lock for a minute.
        RefusedError, StorageError: as for ``writing``.
    """
    Mirror.open(settings.require_mirror()).close()
    with _opened(settings, turn) as desk, desk.publishing():
        yield desk


@contextlib.contextmanager
def _opened(settings: Settings, turn: Turn) -> Iterator[Desk]:
    with Mirror.create(settings.require_mirror().absolute(), settings.modes) as mirror:
        desk = Desk(mirror, open_state(settings, mirror.root, mirror.id), turn)
        refuse_file_system(mirror)
        _claim(desk, settings.modes)
        yield desk


def refuse_file_system(mirror: Mirror, kind: str | None = None) -> None:
    """Refuse to write where the file system fails what a writer relies on; local ones do not.

    Raises:
        StorageError: naming what it fails.
    """
    kind = filesystem.kind_of(mirror.root) if kind is None else kind
    failed = () if kind in filesystem.LOCAL else filesystem.probe(mirror.incoming)
    if failed:
        raise StorageError(
            f"{mirror.root}: its file system ({kind or 'of an unknown type'}) cannot be written "
            f"safely: {'; '.join(failed)}",
            hint="keep the mirror on another file system; readers may use a copy on this one",
        )


def _claim(desk: Desk, modes: files.Modes) -> None:
    """One host writes a mirror: locks do not hold between hosts."""
    host, root = Host.this(), desk.mirror.root
    if WriterFile.read(root).host == host:
        return
    with desk.publishing():
        known = WriterFile.read(root)
        if known.host and known.host.id != host.id and not desk.turn.is_taking_over:
            raise RefusedError(
                f"{root}: written by host {known.host.name}, this is {host.name}: locks do not "
                "hold between hosts, so one host writes a mirror",
                hint=f"run it there; if {known.host.name} will never write it again: --take-over",
            )
        replace(known, host=host).write(root, modes)
