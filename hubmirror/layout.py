"""Where everything lies in a mirror and in a writer's state: every path is built here.

Owns: the names of files and folders of format 1. Touches no disk. Paths inside a mirror are
relative and POSIX, so that the same names serve a folder, an HTTP root and a bucket.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hubmirror.records import Digest, RepoKey

MARKER = "hubmirror.json"
CURRENT = "current.json"
WRITER = "writer.json"
BLOBS = "blobs/sha256"
PUBLICATIONS = "publications"
INCOMING = ".incoming"
LOCK = "writer.lock"  # in .incoming: held by whoever writes, whatever its state folder
PUBLISH_LOCK = "publish.lock"  # the same, for the moments in which names change
LOCKS = frozenset({LOCK, PUBLISH_LOCK})
IMPORT = "import-"  # folders in .incoming: what arrived of bundles that are not whole yet


def blob(digest: Digest) -> str:
    """Return the name of a blob within a mirror."""
    return f"{BLOBS}/{digest.hex[:2]}/{digest.hex}"


def publication(digest: Digest) -> str:
    """Return the name of a publication within a mirror."""
    return f"{PUBLICATIONS}/{digest.hex}.json"


def signature(digest: Digest) -> str:
    """Return the name of the signature of a publication within a mirror."""
    return f"{PUBLICATIONS}/{digest.hex}.sig"


def import_folder(bundle: Digest) -> str:
    """Return the name within a mirror of the folder in which a bundle arrives."""
    return f"{INCOMING}/{IMPORT}{bundle.hex}"


def flat(key: RepoKey) -> str:
    """Return one path component for a repo: readable, and no other repo's."""
    tag = hashlib.sha256(f"{key.host}/{key.path}".encode()).hexdigest()[:12]
    readable = "".join(c if c.isalnum() else "-" for c in key.path)[-40:].strip("-")
    return f"{readable}-{tag}"


@dataclass(frozen=True, slots=True)
class StateLayout:
    """A writer's own folder, outside the mirror."""

    root: Path

    @property
    def index(self) -> Path:
        """The writer's index."""
        return self.root / "index.db"

    @property
    def owner(self) -> Path:
        """Says to which mirror this state belongs."""
        return self.root / "mirror-id"

    @property
    def run_lock(self) -> Path:
        """Held by the one writer at work on this mirror."""
        return self.root / "run.lock"

    @property
    def publish_lock(self) -> Path:
        """Held for the moments in which what readers see is changed."""
        return self.root / "publish.lock"

    @property
    def audit(self) -> Path:
        """Says who changed what, a line for each change."""
        return self.root / "audit.jsonl"

    @property
    def exports(self) -> Path:
        """Says what was carried away, a file for each bundle."""
        return self.root / "exports"

    @property
    def partial(self) -> Path:
        """Holds files that are on their way."""
        return self.root / "partial"

    @property
    def last_success(self) -> Path:
        """Says when a sync last ended well."""
        return self.root / "last-success"

    @property
    def last_run(self) -> Path:
        """Says how the last sync ended, and what it found."""
        return self.root / "last-run.json"

    @property
    def verified(self) -> Path:
        """Remembers when each blob was last read."""
        return self.root / "verified.db"

    @property
    def manifests(self) -> Path:
        """Holds manifests as they were parsed, by what they were parsed from."""
        return self.root / "manifests"

    def clone(self, key: RepoKey) -> Path:
        """Return the bare clone of a repo."""
        return self.root / "git" / f"{flat(key)}.git"
