"""The steps of ``repair``, in the order in which each makes the next one possible.

Doors, publications, catalogs, ``current.json``; then what these promise is verified, and each
bad blob is asked of one supplier after the other. Invariant: a file that is replaced is replaced
by a rename, and only by bytes whose sha256 is its name; killed at any step, what was mended stays
mended, and the same command does the rest.
"""

from __future__ import annotations

import contextlib
import importlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from hubmirror import audit, layout
from hubmirror.audit import Change
from hubmirror.errors import HubmirrorError, MissingDependencyError
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest
from hubmirror.repair import names
from hubmirror.repair.bundles import BundleSupplier
from hubmirror.repair.doors import marker_fault, mend_doors, mend_state
from hubmirror.repair.report import Left, Mended, RepairReport
from hubmirror.repair.suppliers import Bench, MirrorSupplier, Supplier
from hubmirror.settings import Settings
from hubmirror.verify import Depth, Memory, verify
from hubmirror.writer import Desk, Turn, writing

UPSTREAM = "upstream"
_FULL = Depth()


@dataclass(frozen=True, slots=True)
class Order:
    """What is repaired, and from where.

    Attributes:
        sources: Folders of mirrors, parts or folders of bundles, or ``upstream``; in the order in
            which they are asked. Empty for upstream, where this host has what that needs.
        depth: How much is read to find what is bad.
    """

    sources: tuple[str, ...] = ()
    depth: Depth = _FULL


def repair(settings: Settings, order: Order, turn: Turn) -> RepairReport:
    """Find what is bad in a mirror and fetch it again.

    Raises:
        NotFoundError: when there is no mirror, or none where bytes should come from.
        MissingDependencyError: when upstream is named, and this host lacks what that needs.
        LockedError, RefusedError, StorageError: as for every writer.
    """
    warnings: list[str] = []
    mended = [*mend_doors(settings, turn, warnings), *mend_state(settings)]
    with writing(settings, turn) as desk, _opened(settings, order, desk) as suppliers:
        run = _Run(settings, desk, suppliers, mended, warnings)
        return run.run(order.depth)


def look(settings: Settings, order: Order) -> RepairReport:
    """Say what ``repair`` would find and whom it would ask; changes nothing, takes no lock.

    Raises:
        VerificationError: when the mirror's marker is damaged: that is mended before all else.
    """
    root = settings.require_mirror()
    if (fault := marker_fault(root)) is not None:
        raise fault
    with Mirror.open(root) as mirror:
        findings = verify(mirror, depth=order.depth, jobs=settings.jobs).findings
    left = tuple(Left(one, ()) for one in findings)
    return RepairReport((), left, (), _asked(order, _find_libraries()))


class _Run:
    """One repair under its lock."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        suppliers: Sequence[Supplier],
        mended: list[Mended],
        warnings: list[str],
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._mirror = desk.mirror
        self._bench = Bench(desk.mirror, settings.modes)
        self._suppliers = suppliers
        self._mended = mended
        self._warnings = warnings
        self._reasons: dict[BlobRef, list[str]] = {}

    def run(self, depth: Depth) -> RepairReport:
        before = self._mirror.publications.find_current()
        with self._desk.publishing():
            self._mirror.clear_staged()
            self._mend_names()
        memory = self._memory()
        report = verify(self._mirror, depth=depth, jobs=self._settings.jobs, memory=memory)
        wanted = self._promised({one.digest for one in report.findings if one.digest})
        came = self._bring(list(wanted.values()))
        with contextlib.suppress(sqlite3.Error):  # a cache: the disk may be full
            memory.note((blob.digest for blob in came), (), int(time.time()))
        lost = {digest: blob for digest, blob in wanted.items() if blob not in came}
        left = tuple(
            Left(one, self._why(lost, one.digest))
            for one in report.findings
            if one.digest not in wanted or one.digest in lost
        )
        self._finish(before, len(left))
        asked = tuple(one.name for one in self._suppliers)
        return RepairReport(tuple(self._mended), left, tuple(self._warnings), asked)

    def _mend_names(self) -> None:
        mirror, modes = self._mirror, self._settings.modes
        self._mended += names.mend_publications(mirror, self._suppliers, modes)
        self._bring(names.damaged_catalogs(mirror))
        self._mended += names.mend_current(mirror, self._warnings, modes)

    def _bring(self, wanted: Sequence[BlobRef]) -> frozenset[BlobRef]:
        """Ask one supplier after the other for what is still bad; return what came."""
        left = frozenset(wanted)
        for supplier in self._suppliers:
            if not left:
                break
            failures = supplier.bring(left, self._bench)
            for blob, reason in failures.items():
                self._reasons.setdefault(blob, []).append(reason)
            for blob in sorted(left - failures.keys()):
                path = str(self._mirror.blobs.path(blob.digest))
                self._mended.append(Mended(path, supplier.name))
            left &= failures.keys()
        return frozenset(wanted) - left

    def _promised(self, bad: set[Digest]) -> dict[Digest, BlobRef]:
        """Return those of the bad files that are blobs."""
        found: dict[Digest, BlobRef] = {}
        for digest, publication in self._mirror.publications.sound() if bad else ():
            blobs = publication.own_blobs()
            with contextlib.suppress(HubmirrorError, OSError):
                blobs = self._mirror.closure(digest)
            found |= {blob.digest: blob for blob in blobs if blob.digest in bad}
        return found

    def _why(self, lost: dict[Digest, BlobRef], digest: Digest | None) -> tuple[str, ...]:
        blob = lost.get(digest) if digest else None
        return tuple(self._reasons.get(blob, ())) if blob else ()

    def _memory(self) -> Memory:
        memory = Memory(self._desk.state.verified)
        memory.forget_if_torn()
        return memory

    def _finish(self, before: Digest | None, left: int) -> None:
        if not self._mended:
            return
        with self._desk.publishing():
            after = self._mirror.publications.find_current()
            details = {"mended": len(self._mended), "left": left}
            audit.append(self._desk.state, Change("repair", before, after, details))


class _Libraries(Protocol):
    """What ``hubmirror.repair.upstream`` gives, where its libraries are there."""

    def opened(self, settings: Settings, desk: Desk) -> AbstractContextManager[Supplier]: ...

    def indexed(self, desk: Desk) -> AbstractContextManager[Supplier | None]: ...


@contextlib.contextmanager
def _opened(settings: Settings, order: Order, desk: Desk) -> Iterator[Sequence[Supplier]]:
    """Open the places that bytes may come from; the index, where there is one, is asked first."""
    libraries = _find_libraries()
    with contextlib.ExitStack() as ends:
        suppliers: list[Supplier] = []
        if libraries and (index := ends.enter_context(libraries.indexed(desk))):
            suppliers.append(index)
        for one in _asked(order, libraries):
            if one != UPSTREAM:
                suppliers.append(_near(Path(one), settings))
            elif libraries:
                suppliers.append(ends.enter_context(libraries.opened(settings, desk)))
            else:
                raise MissingDependencyError(
                    "--from upstream: git and HTTP need packages that this environment lacks",
                    hint="run it on the connected host, or name a mirror or a bundle: --from DIR",
                )
        yield suppliers


def _asked(order: Order, libraries: _Libraries | None) -> tuple[str, ...]:
    return order.sources or ((UPSTREAM,) if libraries else ())


def _near(place: Path, settings: Settings) -> Supplier:
    if (place / layout.MARKER).exists() or (place / layout.PUBLICATIONS).is_dir():
        return MirrorSupplier(place)
    return BundleSupplier(place, settings)


def _find_libraries() -> _Libraries | None:
    """Import what needs SQLAlchemy and GitPython, where they are installed."""
    try:
        return cast("_Libraries", importlib.import_module("hubmirror.repair.upstream"))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("hubmirror"):
            raise
        return None
