"""What a job loads from: one publication of one mirror, as this node reads it.

Owns: which publication that is. The first one that a process sees of a mirror stays, unless
another is asked for, so that a job never sees two.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror import urls
from hubmirror.catalog import Catalog
from hubmirror.errors import VerificationError
from hubmirror.evidence import Quarantine
from hubmirror.hub.legacy import inner_file
from hubmirror.hub.notices import warn_once
from hubmirror.hub.verification import Verifier
from hubmirror.hub.views import View, Views
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.records import GITHUB, BlobRef, CheckpointRow, Digest, RepoKey, UnitState
from hubmirror.resolve import Resolved, Spec, resolve
from hubmirror.settings import Verify, WeightsOnly

_log = logging.getLogger(__name__)
_ON_GITHUB = re.compile(rf"https?://{re.escape(GITHUB)}/(?P<repo>[^/]+/[^/]+)/(?P<rest>.+)")


@dataclass(frozen=True, slots=True)
class Shelf:
    """An open mirror and the one publication of it that is read."""

    mirror: Mirror
    publication: Digest
    catalog: Catalog
    quarantine: Quarantine = field(default_factory=Quarantine)

    def __str__(self) -> str:
        return f"{self.mirror.root}, publication {self.publication.hex[:12]}"


class Shelves:
    """The mirrors that a process has open, with a shelf for each publication asked for."""

    def __init__(self) -> None:
        self._mirrors: dict[Path, Mirror] = {}
        self._open: dict[tuple[Path, str], Shelf] = {}
        self._lock = threading.Lock()

    def open(self, root: Path, publication: str) -> Shelf:
        """Return the same shelf for the same question, as long as this process lives.

        Raises:
            NotFoundError: when there is no such mirror or publication.
            VerificationError: when it cannot be believed.
        """
        root = root.absolute()
        with self._lock:
            if (root, publication) not in self._open:
                mirror = self._mirrors.get(root) or Mirror.open(root)
                self._open[root, publication] = _open_shelf(mirror, publication)
                self._mirrors[root] = mirror
            return self._open[root, publication]


def _open_shelf(mirror: Mirror, publication: str) -> Shelf:
    wanted = parse_publication(publication, mirror) if publication else None
    serving = mirror.serving(wanted)
    return Shelf(mirror, serving.digest, serving.catalog, mirror.quarantine(serving))


class Supply:
    """Answers from one shelf: the views of repos and the bytes of weights."""

    def __init__(
        self,
        shelf: Shelf,
        cache: Path,
        verify: Verify,
        weights_only: WeightsOnly = WeightsOnly.AUTO,
    ) -> None:
        self.shelf = shelf
        self.weights_only = weights_only
        self._cache = cache
        self._views = Views(shelf.mirror.blobs, cache)
        self._verifier = Verifier(shelf.mirror.blobs, cache, verify)
        self._opened: dict[Path, View] = {}

    def view(self, spec: Spec) -> View:
        """Return the view of the snapshot that a spec means.

        Raises:
            NotMirroredError: when the publication does not hold it, or only in part.
            RefusedError: when it is quarantined.
            VerificationError: when its bytes are not what its digest says.
        """
        resolved = self.resolve(spec)
        self.shelf.quarantine.refuse(resolved.snapshot.digest, str(spec))
        if resolved.is_renamed:
            warn_once(
                _log,
                "%s: no branch %r is mirrored; the default branch %r is served for it",
                resolved.repo.title,
                spec.ref,
                resolved.ref.name,
            )
        if resolved.unit.state is UnitState.STALE:
            warn_once(
                _log,
                "%s: stale in %s, an older state of it is served: %s",
                resolved.repo.title,
                self.shelf,
                resolved.unit.reason,
            )
        view = self._views.open(resolved)
        self._opened[view.folder] = view
        return view

    def resolve(self, spec: Spec) -> Resolved:
        """Find the snapshot that a spec means.

        Raises:
            NotMirroredError: when the publication does not hold it, or only in part.
        """
        return resolve(self.shelf.catalog, spec)

    def view_at(self, folder: Path) -> View | None:
        """Return the view that was opened at this place, if one was."""
        return self._opened.get(folder)

    def find(self, url: str) -> CheckpointRow | None:
        """Find the weights that a URL names, also by another name of the repo in its path."""
        catalog = self.shelf.catalog
        found = (catalog.find_checkpoint(one) for one in (url, *self._other_urls(url)))
        return next((row for row in found if row), None)

    def _other_urls(self, url: str) -> Iterator[str]:
        """Go through a github.com URL with the other names of its repo, for owners are renamed."""
        found = _ON_GITHUB.match(url)
        if not found:
            return
        for unit in self.shelf.catalog.units_named(RepoKey(GITHUB, found["repo"].lower())):
            for name in (unit.repo.title, *unit.repo.aliases) if unit.repo else ():
                yield f"https://{GITHUB}/{name}/{found['rest']}"

    def find_below(self, prefix: str) -> tuple[CheckpointRow, ...]:
        """Find all weights whose URL begins so."""
        found = map(self.shelf.catalog.find_checkpoint, self.shelf.catalog.urls_below(prefix))
        return tuple(row for row in found if row)

    def folder(self, library: str) -> Path:
        """Return a library's own folder in the cache, for files of this publication."""
        return self._cache / library / self.shelf.publication.hex[:16]

    def blob(self, row: CheckpointRow) -> Path:
        """Return the bytes of weights, once they may be believed.

        Raises:
            RefusedError: when they are quarantined.
            VerificationError: when they are missing or are others.
        """
        self.shelf.quarantine.refuse(row.digest, urls.redact(row.url))
        try:
            return self._verifier.check(BlobRef(row.digest, row.size_bytes))
        except VerificationError as error:
            raise VerificationError(
                f"{urls.redact(row.url)}: {error.message}, in {self.shelf}",
                hint=f"`hubmirror verify --mirror {self.shelf.mirror.root}` names all that is "
                "damaged; copy these files again, or sync the mirror where it was made",
            ) from error

    def inner_file(self, row: CheckpointRow, archive: Path) -> Path:
        """Return the one file inside weights that are an old archive around it."""
        return inner_file(archive, row.digest, self._cache)
