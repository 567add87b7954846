"""What code is served from: a shelf, as this node reads it.

Owns: what of it lies in this node's cache, and which views this process has opened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from hubmirror import urls
from hubmirror.errors import VerificationError
from hubmirror.hub.legacy import inner_file
from hubmirror.hub.notices import warn_once
from hubmirror.hub.shelves import Asked, Shelf
from hubmirror.hub.verification import Verifier
from hubmirror.hub.views import View, Views
from hubmirror.records import BlobRef, CheckpointRow, UnitState
from hubmirror.resolve import Resolved, Spec
from hubmirror.settings import Verify, WeightsOnly

_log = logging.getLogger(__name__)


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
        self._views = Views(shelf.blobs, cache)
        self._verifier = Verifier(shelf.blobs, cache, verify)
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
        return self.shelf.resolve(spec)

    def view_at(self, folder: Path) -> View | None:
        """Return the view that was opened at this place, if one was."""
        return self._opened.get(folder)

    def find(self, url: str, asked: Asked) -> CheckpointRow | None:
        """Find the weights that a URL names.

        Raises:
            HTTPError: when their host says that there are none, as no mirror does.
            OfflineMissError: when there is more to say than that they are not there.
        """
        return self.shelf.find(url, asked)

    def urls_below(self, prefix: str) -> Sequence[str]:
        """Return all URLs that begin so and can be found."""
        return self.shelf.urls_below(prefix)

    def rows_below(self, prefix: str) -> Sequence[CheckpointRow]:
        """Return the weights that are known already of all URLs that begin so."""
        return self.shelf.rows_below(prefix)

    def folder(self, library: str) -> Path:
        """Return a library's own folder in the cache, for files of this publication."""
        return self._cache / library / self.shelf.tag

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
                hint=f"`hubmirror verify --mirror {self.shelf.place}` names all that is "
                "damaged; copy these files again, or sync the mirror where it was made",
            ) from error

    def inner_file(self, row: CheckpointRow, archive: Path) -> Path:
        """Return the one file inside weights that are an old archive around it."""
        return inner_file(archive, row.digest, self._cache)
