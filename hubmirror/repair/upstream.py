"""The bytes that only a connected host can have again: from upstream, and from its index.

Imported by name, and only where its libraries are installed; see ``repairing``. Knows the URL of
a checkpoint, not its manifest: fallbacks and ``fetch_url:`` are for a sync.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror import files
from hubmirror.blobs import hash_file
from hubmirror.catalog.writer import content_digest, write_catalog
from hubmirror.errors import HubmirrorError, VerificationError
from hubmirror.index import Index
from hubmirror.manifest.lock import parse_lock
from hubmirror.manifest.locked import Lock
from hubmirror.mirror import Mirror
from hubmirror.plan import FetchPlan
from hubmirror.records import BlobRef, Digest, RefKind, RefRow, RepoRow, SnapshotRow, Unit
from hubmirror.repair.suppliers import Bench
from hubmirror.settings import Settings
from hubmirror.specs import CheckpointSpec, RepoSpec
from hubmirror.sync import engines
from hubmirror.sync.catching_up import catch_up
from hubmirror.sync.engines import Engines
from hubmirror.sync.planning import content_of
from hubmirror.writer import Desk

_NOT_THERE = "no URL and no repo gives it: name a mirror or a bundle that has it, --from DIR"


@contextlib.contextmanager
def opened(settings: Settings, desk: Desk) -> Iterator[UpstreamSupplier]:
    """Open the hosts that the mirror's URLs and repos lead to."""
    with engines.opened(settings, desk) as means:
        yield UpstreamSupplier(means, settings.jobs)


@contextlib.contextmanager
def indexed(desk: Desk) -> Iterator[IndexSupplier | None]:
    """Open the writer's index where there is one; it is in step with what is published after."""
    if not desk.state.index.exists():
        yield None  # the next sync makes one from what is published
        return
    with Index.open(desk.state.index) as index:
        yield IndexSupplier(index, desk.state.index)
        with contextlib.suppress(VerificationError):  # it knows more than what readers see now
            catch_up(index, desk.mirror)


class IndexSupplier:
    """Writes a catalog again from the rows that the index has of it."""

    def __init__(self, index: Index, path: Path) -> None:
        self._index = index
        self.name = str(path)

    def publication(self, digest: Digest) -> bytes | None:
        """Return None: an index holds no publications."""
        return None

    def bring(self, wanted: Collection[BlobRef], bench: Bench) -> Mapping[BlobRef, str]:
        """Write those that are the catalog of a publication with the index's content."""
        failures = dict.fromkeys(wanted, f"{self.name}: it says nothing of this content")
        catalogs = {one.catalog: one.content_digest for _, one in bench.mirror.publications.sound()}
        if catalogs.keys().isdisjoint(wanted):
            return failures
        holdings = self._index.holdings()
        content = content_digest(holdings)
        for blob in sorted(one for one in wanted if catalogs.get(one) == content):
            with files.staged(bench.mirror.incoming) as (stream, path):
                stream.close()
                write_catalog(path, holdings)
                if hash_file(path) != blob.digest:
                    failures[blob] = (
                        f"{self.name}: it has the same content, but this SQLite writes it as "
                        "other bytes: `hubmirror sync MANIFEST` publishes it anew"
                    )
                    continue
                bench.mirror.blobs.add(path, blob.digest, bench.modes)
                del failures[blob]
        return failures


@dataclass(frozen=True, slots=True)
class _Tar:
    """A snapshot that is wanted, and by which choices it was made."""

    repo: RepoRow
    row: SnapshotRow
    content: str


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where the blobs of a mirror came from."""

    urls: Mapping[Digest, set[str]] = field(default_factory=lambda: defaultdict(set))
    tars: dict[Digest, _Tar] = field(default_factory=dict)

    @classmethod
    def read(cls, mirror: Mirror) -> _Addresses:
        """Read them out of every catalog that is sound."""
        found = cls()
        for digest, _ in mirror.publications.sound():
            with contextlib.suppress(HubmirrorError, OSError):
                holdings = mirror.catalog(digest).holdings()
                locks = {
                    one.name: parse_lock(one.lock, file=f"the lock of source {one.name!r}")
                    for one in holdings.sources
                }
                for unit in holdings.units:
                    found._add(unit, locks.get(unit.source))
        return found

    def _add(self, unit: Unit, lock: Lock | None) -> None:
        for checkpoint in unit.checkpoints:
            self.urls[checkpoint.digest].add(checkpoint.url)
        for row in unit.repo.snapshots if unit.repo else ():
            if unit.repo:
                tar = _Tar(unit.repo, row, content_of(lock, unit.repo.key, row))
                self.tars.update({row.digest: tar, row.about: tar})


class UpstreamSupplier:
    """The hosts: checkpoints by their URLs, snapshots made again from git."""

    name = "upstream"

    def __init__(self, means: Engines, jobs: int) -> None:
        self._means = means
        self._jobs = jobs

    def publication(self, digest: Digest) -> bytes | None:
        """Return None: no upstream has publications."""
        return None

    def bring(self, wanted: Collection[BlobRef], bench: Bench) -> Mapping[BlobRef, str]:
        """Fetch weights with their digest demanded; make tars again, which gives the same bytes."""
        known = _Addresses.read(bench.mirror)
        failures: dict[BlobRef, str] = {}
        with ThreadPoolExecutor(max_workers=self._jobs) as pool:
            reasons = pool.map(lambda blob: self._fetch(blob, known), wanted)
            failures |= {
                blob: reason for blob, reason in zip(wanted, reasons, strict=True) if reason
            }
        left = frozenset(failures)
        for tar in {id(one): one for one in _tars(known, left)}.values():
            try:
                came = self._make(tar)
            except HubmirrorError as error:
                failures |= dict.fromkeys(tar.row.blobs() & left, error.message)
                continue
            for blob in tar.row.blobs() & left:
                if blob in came:
                    del failures[blob]
                else:
                    failures[blob] = f"{_title(tar)}: made again, it is other bytes"
        self._means.landing.place(blob for blob in wanted if blob not in failures)
        return failures

    def _fetch(self, blob: BlobRef, known: _Addresses) -> str:
        """Fetch weights; say why not."""
        reasons: list[str] = []
        for url in sorted(known.urls.get(blob.digest, ())):
            plan = FetchPlan(CheckpointSpec(url, sha256=blob.digest), blob.digest)
            try:
                self._means.weights.fetch(plan, blob.size_bytes)
            except HubmirrorError as error:
                reasons.append(error.message)
            else:
                return ""
        return "; ".join(reasons) or _NOT_THERE

    def _make(self, tar: _Tar) -> frozenset[BlobRef]:
        """Make a snapshot again; return its blobs."""
        repo, commit = tar.repo, tar.row.commit
        spec = RepoSpec(repo.title, repo.key, repo.url, allow_unreachable=True)
        ref = RefRow(commit, RefKind.COMMIT, commit)
        spec = spec.choosing(tar.content)
        self._means.maker.fetch(spec, [ref])
        row, _ = self._means.maker.make(spec, ref, None)
        return row.blobs()


def _tars(known: _Addresses, wanted: Iterable[BlobRef]) -> Iterator[_Tar]:
    for blob in wanted:
        if tar := known.tars.get(blob.digest):
            yield tar


def _title(tar: _Tar) -> str:
    return f"{tar.repo.title} at {tar.row.commit}"
