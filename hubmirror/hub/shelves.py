"""Where a supply takes things from: one publication of one mirror, or somebody who records.

Owns: which publication a job sees. The first one that a process sees of a mirror stays, unless
another is asked for, so that a job never sees two.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hubmirror import urls
from hubmirror.catalog import Catalog
from hubmirror.errors import NotMirroredError
from hubmirror.evidence import Quarantine
from hubmirror.hub.verification import BytesAt
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.records import GITHUB, CheckpointRow, Digest, RepoKey
from hubmirror.resolve import Resolved, Spec, resolve

_ON_GITHUB = re.compile(rf"https?://{re.escape(GITHUB)}/(?P<repo>[^/]+/[^/]+)/(?P<rest>.+)")
_MOST_NEAR = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """How code asks for a URL; what a mirror answers does not depend on it.

    Attributes:
        by: The function or library that is asked.
        method: Of HTTP.
        hash_prefix: The leading hex digits of a sha256 that the code demands, or nothing.
        file: Where the code wants a file, or nothing.
    """

    by: str
    method: str = "GET"
    hash_prefix: str = ""
    file: str = ""


class Shelf(Protocol):
    """What can be asked for repos and weights; from several threads, and again and again.

    ``blobs`` leads to the bytes of what it names, ``place`` says for messages where that is,
    ``tag`` names it among others in a cache, and ``quarantine`` has what may not be loaded.
    """

    @property
    def blobs(self) -> BytesAt: ...  # noqa: D102 - said above

    @property
    def place(self) -> str: ...  # noqa: D102

    @property
    def tag(self) -> str: ...  # noqa: D102

    @property
    def quarantine(self) -> Quarantine: ...  # noqa: D102

    def resolve(self, spec: Spec) -> Resolved:
        """Find the snapshot that a spec means.

        Raises:
            NotMirroredError: when it is not there, or only in part.
        """

    def find(self, url: str, asked: Asked) -> CheckpointRow | None:
        """Find the weights that a URL names.

        Raises:
            HTTPError: when their host says that there are none.
            OfflineMissError: when there is more to say than that they are not there.
        """

    def urls_below(self, prefix: str) -> Sequence[str]:
        """Return all URLs that begin so and can be found."""

    def rows_below(self, prefix: str) -> Sequence[CheckpointRow]:
        """Return the weights that are known already of all URLs that begin so."""

    def why_missing(self, url: str) -> tuple[str, Sequence[str]]:
        """Say why a URL is not there, if that is known, and which others end in its name."""

    def refused(self, what: str) -> None:
        """Take note of what code wanted of the network by a way that nobody answers."""

    def missed(self, error: NotMirroredError) -> None:
        """Take note of what the code of a repo did not get, whatever it makes of that."""


@dataclass(frozen=True, slots=True)
class MirrorShelf:
    """An open mirror and the one publication of it that is read."""

    mirror: Mirror
    publication: Digest
    catalog: Catalog
    quarantine: Quarantine = field(default_factory=Quarantine)

    def __str__(self) -> str:
        return f"{self.mirror.root}, publication {self.publication.hex[:12]}"

    @property
    def blobs(self) -> BytesAt:
        """The mirror's blobs."""
        return self.mirror.blobs

    @property
    def place(self) -> str:
        """The mirror's folder."""
        return str(self.mirror.root)

    @property
    def tag(self) -> str:
        """The publication, in short."""
        return self.publication.hex[:16]

    def resolve(self, spec: Spec) -> Resolved:
        """Find the snapshot that a spec means."""
        return resolve(self.catalog, spec)

    def find(self, url: str, asked: Asked) -> CheckpointRow | None:
        """Find the weights that a URL names, also by another name of the repo in its path."""
        found = (self.catalog.find_checkpoint(one) for one in (url, *self._other_urls(url)))
        return next((row for row in found if row), None)

    def _other_urls(self, url: str) -> Iterator[str]:
        """Go through a github.com URL with the other names of its repo, for owners are renamed."""
        found = _ON_GITHUB.match(url)
        if not found:
            return
        for unit in self.catalog.units_named(RepoKey(GITHUB, found["repo"].lower())):
            for name in (unit.repo.title, *unit.repo.aliases) if unit.repo else ():
                yield f"https://{GITHUB}/{name}/{found['rest']}"

    def urls_below(self, prefix: str) -> Sequence[str]:
        """Return all mirrored URLs that begin so."""
        return self.catalog.urls_below(prefix)

    def rows_below(self, prefix: str) -> Sequence[CheckpointRow]:
        """Return all mirrored weights whose URL begins so."""
        found = map(self.catalog.find_checkpoint, self.catalog.urls_below(prefix))
        return [row for row in found if row]

    def why_missing(self, url: str) -> tuple[str, Sequence[str]]:
        """Say what keeps a wanted URL from the publication, and which others are near."""
        name = urls.file_name(url)
        near = self.catalog.urls_ending_in(name, most=_MOST_NEAR) if name else ()
        return self.catalog.why_incomplete(url), near

    def refused(self, what: str) -> None:
        """Nothing: who asked is told."""

    def missed(self, error: NotMirroredError) -> None:
        """Nothing: who asked is told."""


class Shelves:
    """The mirrors that a process has open, with a shelf for each publication asked for."""

    def __init__(self) -> None:
        self._mirrors: dict[Path, Mirror] = {}
        self._open: dict[tuple[Path, str], MirrorShelf] = {}
        self._lock = threading.Lock()

    def open(self, root: Path, publication: str) -> MirrorShelf:
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


def _open_shelf(mirror: Mirror, publication: str) -> MirrorShelf:
    wanted = parse_publication(publication, mirror) if publication else None
    serving = mirror.serving(wanted)
    return MirrorShelf(mirror, serving.digest, serving.catalog, mirror.quarantine(serving))
