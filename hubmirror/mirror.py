"""A mirror as its readers see it: a publication's catalog, and the blobs it names.

Standard library only. A reader takes no lock and makes nothing in the mirror; what a torn or
tampered catalog says is not believed, and the publication before it serves instead.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubmirror import files, layout
from hubmirror.blobs import Blobs
from hubmirror.catalog import Catalog
from hubmirror.errors import (
    FormatError,
    HubmirrorError,
    InvalidInputError,
    NotFoundError,
    StorageError,
    VerificationError,
)
from hubmirror.evidence import Evidence, Quarantine
from hubmirror.publications import Publication, Publications, check_min_reader
from hubmirror.records import BlobRef, Digest
from hubmirror.version import FORMAT

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Serving:
    """A publication with its open catalog; ``is_current`` where ``current.json`` names it."""

    digest: Digest
    publication: Publication
    catalog: Catalog
    is_current: bool


class Mirror:
    """An opened mirror on this machine's file system.

    Catalogs are hashed once for each ``Mirror`` object and then stay open until ``close``.
    Safe to use from several threads.

    Attributes:
        root: The mirror's folder.
        id: The mirror's own uuid.
        blobs: Its blobs.
        publications: Its publications.
    """

    def __init__(self, root: Path, mirror_id: str) -> None:
        self.root = root
        self.id = mirror_id
        self.blobs = Blobs(root)
        self.publications = Publications(root)
        self._catalogs: dict[Digest, Catalog] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, root: Path) -> Mirror:
        """Open a mirror.

        Raises:
            NotFoundError: when there is no mirror at this place.
            FormatError: when it needs a newer hubmirror.
            VerificationError: when its marker cannot be understood.
        """
        marker = root / layout.MARKER
        try:
            fields = json.loads(marker.read_bytes())
            check_min_reader(fields["min_reader"], str(marker))
            return cls(root, str(fields["id"]))
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(
                f"{root}: no mirror here: it has no {layout.MARKER}",
                hint="`hubmirror sync MANIFEST --mirror DIR` makes one",
            ) from None
        except PermissionError as error:
            raise StorageError(
                f"{marker}: this user may not read it", hint="ask whoever runs `hubmirror sync`"
            ) from error
        except (ValueError, LookupError, TypeError) as error:
            raise VerificationError(f"{marker}: not a mirror's marker: {error}") from error

    @classmethod
    def create(cls, root: Path, modes: files.Modes) -> Mirror:
        """Open a mirror for its writer, making an empty one where there is none."""
        marker = root / layout.MARKER
        incoming = root / layout.INCOMING
        files.ensure_folder(root, modes.folder)
        files.ensure_folder(incoming, 0o700)
        if (owner := incoming.stat().st_uid) != os.geteuid():
            raise StorageError(
                f"{root}: this mirror is written by user {owner}",
                hint="run sync as that user: a mirror has one writer",
            )
        if not marker.exists():
            content = encode_marker(str(uuid.uuid4()))
            with files.staged(incoming) as (stream, path):
                stream.write(content)
                stream.flush()
                files.place_new(path, marker, mode=modes.file, folder_mode=modes.folder)
        return cls.open(root)

    @property
    def incoming(self) -> Path:
        """The writer's staging folder, on the mirror's own file system."""
        return self.root / layout.INCOMING

    def current(self) -> tuple[Digest, Publication]:
        """Return the publication that readers see.

        Raises:
            NotFoundError: when nothing was published yet.
            VerificationError: when it cannot be believed.
        """
        digest = self.publications.current()
        if digest is None:
            raise self._nothing_yet()
        return digest, self.publications.read(digest)

    def catalog(self, publication: Digest | None = None) -> Catalog:
        """Return the catalog of a publication, as ``serving`` finds it."""
        return self.serving(publication).catalog

    def serving(self, publication: Digest | None = None) -> Serving:
        """Return what readers are served with: a publication, or the newest that is sound.

        Raises:
            NotFoundError: when there is no such publication, or none at all.
            VerificationError: when it, or every one that is kept, is damaged.
        """
        if publication:
            return self._serve(publication)
        found = self.find_serving()
        if found is None:
            raise self._nothing_yet()
        return found

    def find_serving(self) -> Serving | None:
        """Return what readers are served with, or None before the first publication.

        Raises:
            VerificationError: when every publication that is kept is damaged.
        """
        try:
            current = self.publications.current()
            if current is None and not self.publications.kept():
                return None
            if current is None:
                raise VerificationError(f"{self.root / layout.CURRENT}: missing")
            return self._serve(current, is_current=True)
        except FormatError:
            raise
        except (VerificationError, NotFoundError) as damage:
            return self._newest_sound(damage)

    def _serve(self, digest: Digest, *, is_current: bool = False) -> Serving:
        publication = self.publications.read(digest)
        return Serving(digest, publication, self._open_catalog(publication), is_current)

    def _newest_sound(self, damage: HubmirrorError) -> Serving:
        for digest, publication in self.publications.sound():
            with contextlib.suppress(VerificationError):
                serving = self._serve(digest)
                _log.warning(
                    "%s; the newest sound publication is served, sequence %d of %s",
                    damage.message,
                    publication.sequence,
                    publication.created_at,
                )
                return serving
        raise damage

    def _nothing_yet(self) -> NotFoundError:
        return NotFoundError(
            f"{self.root}: nothing is published yet",
            hint="`hubmirror sync MANIFEST` publishes what it could fetch",
        )

    def _open_catalog(self, publication: Publication) -> Catalog:
        digest = publication.catalog.digest
        with self._lock:
            if digest not in self._catalogs:
                path = self.blobs.check(publication.catalog, full=True)
                self._catalogs[digest] = Catalog.open(path)
            return self._catalogs[digest]

    def evidence(self, publication: Publication) -> Evidence:
        """Return what is known of a publication beside its content.

        Raises:
            VerificationError: when its blob is missing, or its bytes are not its name.
        """
        if publication.evidence is None:
            return Evidence()
        digest = publication.evidence.digest
        return Evidence.decode(self.blobs.read(digest), where=str(self.blobs.path(digest)))

    def quarantine(self, serving: Serving) -> Quarantine:
        """Return what may not be loaded: a publication says so, or the current one does by now.

        Raises:
            VerificationError: when what is known of either is missing or damaged.
        """
        publications = [serving.publication]
        if not serving.is_current:  # a job that is held to an older one
            with contextlib.suppress(VerificationError, NotFoundError):
                publications.append(self.current()[1])
        rows = (row for one in publications for row in self.evidence(one).quarantine)
        return Quarantine({row.digest: row for row in rows})

    def closure(self, publication: Digest) -> frozenset[BlobRef]:
        """Return every blob that a publication needs: its catalog, its evidence, all it names.

        Raises:
            NotFoundError: when there is no such publication.
            VerificationError: when it, or its catalog, cannot be believed.
        """
        return self.closure_of(self.publications.read(publication))

    def closure_of(self, publication: Publication) -> frozenset[BlobRef]:
        """Like ``closure``, for a publication that has no name here yet.

        Raises:
            VerificationError: when its catalog is missing, or cannot be believed.
        """
        return publication.own_blobs() | self._open_catalog(publication).blobs()

    def clear_staged(self) -> None:
        """Remove what a killed writer was writing; only under the writer's lock."""
        for path in self.incoming.glob("new-*"):
            path.unlink()

    def leftovers(self) -> Iterator[str]:
        """Name the files that an interrupted writer left; none of them is ever read."""
        try:
            names = sorted(path.name for path in self.incoming.iterdir())
            yield from (f"{layout.INCOMING}/{name}" for name in names if name not in layout.LOCKS)
        except (FileNotFoundError, PermissionError):
            return  # a served copy has no staging folder, and a reader may not look into one

    def close(self) -> None:
        """Let go of every open catalog."""
        with self._lock:
            for catalog in self._catalogs.values():
                catalog.close()
            self._catalogs.clear()

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def encode_marker(mirror_id: str) -> bytes:
    """Return the bytes of a mirror's marker."""
    fields = {"format": FORMAT, "min_reader": 1, "id": mirror_id}
    return json.dumps(fields, sort_keys=True).encode() + b"\n"


def parse_publication(text: str, mirror: Mirror) -> Digest:
    """Find a publication by its digest, or by leading digits of it that only one has.

    Raises:
        NotFoundError: when none, or more than one, fits.
    """
    try:
        return Digest.parse(text)
    except InvalidInputError:
        folder = mirror.root / layout.PUBLICATIONS
        fits = [path.stem for path in folder.glob("*.json") if path.stem.startswith(text.lower())]
        if len(fits) == 1 and text:
            return Digest.parse(fits[0])
    raise NotFoundError(
        f"{mirror.root}: {len(fits)} publications begin with {text!r}",
        hint="`hubmirror history` lists them",
    )
