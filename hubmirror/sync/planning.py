"""Reads what is wanted, asks what it means, and plans what is missing; changes nothing."""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from hubmirror import layout
from hubmirror.errors import HubmirrorError, InvalidInputError, StorageError, VerificationError
from hubmirror.index import Index, SnapshotName
from hubmirror.manifest.lock import (
    Lock,
    LockedCheckpoint,
    lock_path,
    parse_lock,
    read_lock_text,
)
from hubmirror.manifest.parsed import ManifestReader
from hubmirror.manifest.reading import check_sources
from hubmirror.mirror import Mirror
from hubmirror.plan import Known, SourcePlan, plan_source
from hubmirror.records import BlobRef, CheckpointRow, Holdings, RepoKey, SnapshotRow
from hubmirror.settings import Settings
from hubmirror.specs import Manifest
from hubmirror.state import find_state
from hubmirror.sync.closing import close_plans
from hubmirror.sync.options import Mode, Options
from hubmirror.sync.resolving import check_satisfied, resolve_all
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.repos import GitUpstream


@dataclass(frozen=True, slots=True)
class Wanted:
    """A manifest with its lock, read before anything else is touched.

    Attributes:
        manifest: What is wanted.
        lock: What is pinned.
        lock_text: The text that this was read from; empty without one.
        lock_file: Where the lock belongs.
        is_stored: False where that file is missing and the lock is the one last published.
    """

    manifest: Manifest
    lock: Lock | None
    lock_text: str
    lock_file: Path
    is_stored: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """What came in before any source had it: by a killed run, by hand, or by a trace."""

    checkpoints: Mapping[str, CheckpointRow] = field(default_factory=dict)
    snapshots: Mapping[SnapshotName, SnapshotRow] = field(default_factory=dict)

    def blobs(self) -> Iterable[BlobRef]:
        """Go through all bytes that wait."""
        tars = (row.blobs() for row in self.snapshots.values())
        return chain((row.blob for row in self.checkpoints.values()), *tars)


def find_waiting(index: Index) -> Waiting:
    """Return what the index says has come in; whether its bytes are there is another question."""
    arrived = {
        url: CheckpointRow(url, one.digest, one.size_bytes, one.redirect)
        for url, one in index.arrivals().items()
    }
    return Waiting(arrived, index.made())


def plan_sync(
    manifests: Sequence[Path], settings: Settings, options: Options
) -> Sequence[SourcePlan]:
    """Say what ``sync`` would do, and change nothing; refs are asked, bytes are not.

    Raises:
        InvalidInputError: for faults in any manifest or lock.
    """
    reader = manifest_reader(settings)
    wanted = read_all(manifests, options, reader, writable=False)
    root = settings.require_mirror().absolute()
    holdings, present = Holdings(), frozenset[BlobRef]()
    if (root / layout.MARKER).exists():
        with Mirror.open(root) as mirror:
            if mirror.publications.current():
                holdings = mirror.catalog().holdings()
            wanted = restore_locks(wanted, holdings, options)
            present = frozenset(filter(mirror.blobs.has, needed_blobs(holdings, wanted)))
    with git_upstream(settings) as git:
        return plan_all(wanted, holdings, Waiting(), present, options.mode, git, settings.jobs)


def manifest_reader(settings: Settings) -> ManifestReader:
    """Return a reader that knows what the last run parsed, if this host has a state folder."""
    try:
        with Mirror.open(settings.require_mirror().absolute()) as mirror:
            state = find_state(settings, mirror.id)
    except HubmirrorError:  # no mirror yet, or none that can be used: said when it is needed
        state = None
    return ManifestReader(state.manifests if state else None)


def read_all(
    manifests: Sequence[Path], options: Options, reader: ManifestReader, *, writable: bool = True
) -> list[Wanted]:
    """Read every manifest with its lock, before anything else is touched.

    Raises:
        InvalidInputError: with the faults of all of them.
        StorageError: when a lock that sync must write cannot be written.
    """
    wanted: list[Wanted] = []
    faulty: list[InvalidInputError] = []
    for path in manifests:
        try:
            wanted.append(_read(path, options, reader, writable=writable))
        except InvalidInputError as error:
            faulty.append(error)
    if len(faulty) > 1:
        raise InvalidInputError("\n".join(error.message for error in faulty), hint=faulty[0].hint)
    if faulty:
        raise faulty[0]
    check_sources([one.manifest for one in wanted])
    return wanted


def _read(path: Path, options: Options, reader: ManifestReader, *, writable: bool) -> Wanted:
    manifest = reader.read(path)
    lock_file = lock_path(path, options.lock_dir)
    text = read_lock_text(lock_file)
    lock = None if text is None else parse_lock(text, file=str(lock_file))
    if options.mode is Mode.FOLLOW and writable and not _can_write(lock_file.parent, options):
        raise StorageError(
            f"{lock_file}: the lock cannot be written: {lock_file.parent} is not writable",
            hint="name another folder for locks: --lock-dir DIR",
        )
    return Wanted(manifest, lock, text or "", lock_file)


def _can_write(folder: Path, options: Options) -> bool:
    if options.lock_dir:
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)


def restore_locks(wanted: Iterable[Wanted], holdings: Holdings, options: Options) -> list[Wanted]:
    """Pin a source whose lock file is missing to what it last published.

    Raises:
        InvalidInputError: when the lock must decide and does not satisfy the manifest.
    """
    published = {source.name: source.lock for source in holdings.sources}
    found: list[Wanted] = []
    for one in wanted:
        name = one.manifest.name
        if one.lock is None and name in published:
            text = published[name]
            lock = parse_lock(text, file=f"the published lock of {name}")
            found.append(replace(one, lock=lock, lock_text=text, is_stored=False))
        else:
            found.append(one)
        if options.mode is not Mode.FOLLOW:
            check_satisfied(one.manifest, found[-1].lock)
    return found


def git_upstream(settings: Settings) -> GitUpstream:
    """Return git as the settings want it."""
    return GitUpstream(
        ca_bundle=settings.ca_bundle,
        proxies=settings.proxies,
        credentials=find_credentials(settings),
    )


def find_credentials(settings: Settings) -> Credentials:
    """Collect the logins that the settings lead to.

    Raises:
        InvalidInputError: when a file is there and cannot be read.
    """
    return Credentials.find(
        settings.variables,
        netrc_file=Path(settings.home) / ".netrc" if settings.home else None,
        folder=settings.token_folder,
    )


def refuse_missing(plans: Iterable[SourcePlan]) -> None:
    """Refuse a run that would have to fetch anything.

    Raises:
        VerificationError: naming all of it.
    """
    missing = [
        line
        for plan in plans
        for unit in plan.units
        for line in (
            *(f"{unit.name}:{ref.name}" for ref in unit.make),
            *(one.spec.url for one in unit.fetch),
        )
    ]
    if missing:
        raise VerificationError(
            "bytes are missing:\n" + "\n".join(f"  {line}" for line in missing),
            hint="run `hubmirror sync --locked` where there is a network",
        )


def needed_blobs(holdings: Holdings, wanted: Iterable[Wanted]) -> Iterable[BlobRef]:
    """Go through the blobs that these rows and locks rely on."""
    locks = [one.lock for one in wanted if one.lock]
    pinned = (BlobRef(row.digest, row.size_bytes) for lock in locks for row in lock.checkpoints)
    return chain(holdings.blobs(), pinned)


def content_of(lock: Lock | None, key: RepoKey, row: SnapshotRow) -> str:
    """Say by which choices of its manifest a snapshot was made: its source's lock knows."""
    repo = lock.repo(key) if lock else None
    locked = repo.snapshot(row.commit) if repo else None
    return locked.content if locked and locked.digest == row.digest else ""


def plan_all(
    wanted: Sequence[Wanted],
    holdings: Holdings,
    waiting: Waiting,
    present: frozenset[BlobRef],
    mode: Mode,
    git: GitUpstream,
    jobs: int,
) -> Sequence[SourcePlan]:
    """Plan every source of a run."""
    read = {one.lock_text: one.lock for one in wanted}  # mostly what is published: parsed once
    locks = {
        source.name: read.get(source.lock) or parse_lock(source.lock, file=source.name)
        for source in holdings.sources
    }
    snapshots = {**waiting.snapshots} | {
        (unit.repo.key, row.commit, content_of(locks.get(unit.source), unit.repo.key, row)): row
        for unit in holdings.units
        if unit.repo
        for row in unit.repo.snapshots
    }
    list_refs = functools.cache(git.list_refs)  # all sources of a run see one moment
    elsewhere = _Elsewhere(wanted, holdings)
    plans: list[SourcePlan] = []
    for one in wanted:
        checkpoints = {
            spec.url: row
            for spec in one.manifest.all_checkpoints()
            if (row := elsewhere.find(one, spec.url) or waiting.checkpoints.get(spec.url))
        }
        known = Known(snapshots, checkpoints, present)
        resolutions = resolve_all(one.manifest, one.lock, mode, list_refs, jobs)
        plans.append(plan_source(one.manifest, one.lock, resolutions, known))
    return close_plans(plans, holdings)


class _Elsewhere:
    """What the sources know of a URL that another one wants.

    Those of this run count by their locks as they are now. A URL that a source had, and whose
    pin somebody let go, is nobody's: that source sees it anew.
    """

    def __init__(self, wanted: Iterable[Wanted], holdings: Holdings) -> None:
        self._pins: defaultdict[str, list[tuple[str, LockedCheckpoint]]] = defaultdict(list)
        self._had: set[tuple[str, str]] = set()
        self._rows: dict[str, CheckpointRow] = {}
        in_run: set[str] = set()
        for one in wanted:
            in_run.add(one.manifest.name)
            for pin in one.lock.checkpoints if one.lock else ():
                self._pins[pin.url].append((one.manifest.name, pin))
        for unit in holdings.units:
            if unit.source in in_run:
                self._had.update((unit.source, row.url) for row in unit.checkpoints)
            else:
                self._rows.update((row.url, row) for row in unit.checkpoints)

    def find(self, one: Wanted, url: str) -> CheckpointRow | None:
        """Return what a URL of one source is by the others, those of this run first."""
        name = one.manifest.name
        if one.lock and (name, url) in self._had and one.lock.checkpoint(url) is None:
            return None
        pins = self._pins.get(url, ())
        for source, pin in reversed(pins):
            if source != name:
                return CheckpointRow(pin.url, pin.digest, pin.size_bytes)
        return self._rows.get(url)
