"""The nouns of hubmirror as values: digests, names, and what a publication holds.

Owns: parsing of digests and repo names. Knows nothing of files, networks or databases.
Invariant: a value that exists is well formed, so nobody needs to ask it again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from hubmirror.errors import InvalidInputError

GITHUB = "github.com"
FULL_COMMIT = re.compile(r"[0-9a-f]{40}")
SHORT_COMMIT = re.compile(r"[0-9a-f]{7,40}")

_NAME_PART = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, order=True, slots=True)
class Digest:
    """The sha256 of some bytes, which is also the name of the blob that holds them."""

    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read 64 hex digits in either case, with or without ``sha256:`` before them.

        Raises:
            InvalidInputError: when the text is anything else.
        """
        lowered = text.strip().lower().removeprefix("sha256:")
        if not _HEX_DIGEST.fullmatch(lowered):
            raise InvalidInputError(f"not a sha256: expected 64 hex digits, got {text!r}")
        return cls(lowered)

    @classmethod
    def of(cls, content: bytes) -> Digest:
        """Return the digest of bytes that are in memory."""
        return cls(hashlib.sha256(content).hexdigest())

    @property
    def raw(self) -> bytes:
        """The digest as 32 bytes, as the catalog stores it."""
        return bytes.fromhex(self.hex)

    def __str__(self) -> str:
        return self.hex


@dataclass(frozen=True, order=True, slots=True)
class RepoKey:
    """The name by which code asks for a repo; letter case does not count on github.com.

    ``host`` is always lower case; ``path`` is lower case on github.com, so that two keys
    are equal exactly when they name one repo. How the name was written is ``RepoRow.title``.
    """

    host: str
    path: str

    @classmethod
    def parse(cls, text: str) -> RepoKey:
        """Read ``owner/name`` (on github.com) or ``host/path...`` (anywhere else).

        Raises:
            InvalidInputError: for an absolute path, ``..``, control characters, a URL, or
                a part that no forge would take as a name.
        """
        check_repo_name(text)
        host, _, path = text.partition("/")
        if "/" in path:
            return cls._folded(host, path)
        return cls._folded(GITHUB, text)

    @classmethod
    def _folded(cls, host: str, path: str) -> RepoKey:
        host = host.lower()
        return cls(host, path.lower() if host == GITHUB else path)

    def __str__(self) -> str:
        return self.path if self.host == GITHUB else f"{self.host}/{self.path}"


def check_repo_name(text: str) -> None:
    """Refuse what cannot be ``owner/name`` or ``host/path``.

    Raises:
        InvalidInputError: saying what is wrong with it.
    """
    parts = text.split("/")
    if len(parts) < 2:
        raise InvalidInputError(f"not a repo name: expected owner/name, got {text!r}")
    for part in parts:
        if part in ("", ".", "..") or not _NAME_PART.fullmatch(part) or part.endswith(".git"):
            shown = repr(part) if part else "an empty part"
            raise InvalidInputError(f"not a repo name: {text!r} has {shown} where a name should be")


class RefKind(StrEnum):
    """What a resolved ref is in its repo."""

    BRANCH = "branch"
    TAG = "tag"
    COMMIT = "commit"


class UnitState(StrEnum):
    """How far a unit got: ``stale`` serves its previous rows, ``incomplete`` serves nothing."""

    COMPLETE = "complete"
    STALE = "stale"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, order=True, slots=True)
class BlobRef:
    """A blob that something relies on."""

    digest: Digest
    size_bytes: int


@dataclass(frozen=True, order=True, slots=True)
class RefRow:
    """A ref as it loads (``v0.10.0``, ``feature/x``, 40 hex digits) and its commit."""

    name: str
    kind: RefKind
    commit: str


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One repo at one commit, and what its hubconf.py says of itself.

    Attributes:
        digest: The blob that holds the tar.
        size_bytes: The size of that blob.
        entrypoints: Names found in hubconf.py without running it.
        open_ended: True when hubconf.py may build further entrypoints at run time.
        dependencies: Import names from its ``dependencies`` list.
        requires_torch: The oldest torch that it states, such as ``1.10``, or empty.
        about: The blob with signatures and docstrings of the entrypoints.
        about_size_bytes: The size of that blob.
    """

    commit: str
    digest: Digest
    size_bytes: int
    entrypoints: tuple[str, ...]
    open_ended: bool
    dependencies: tuple[str, ...]
    requires_torch: str
    about: Digest
    about_size_bytes: int

    def blobs(self) -> frozenset[BlobRef]:
        """Return the blobs of the tar and of what its hubconf.py says."""
        tar = BlobRef(self.digest, self.size_bytes)
        return frozenset({tar, BlobRef(self.about, self.about_size_bytes)})


class WeightsKind(StrEnum):
    """What a weight file is; ``unknown`` where an older hubmirror wrote the row.

    ``tensors-only`` loads under torch's ``weights_only=True``. ``needs-globals`` is a pickle
    that names other classes or functions, or has instructions that torch does not know then.
    ``other`` is no file of torch, ``unreadable`` one that cannot be understood.
    """

    TENSORS_ONLY = "tensors-only"
    NEEDS_GLOBALS = "needs-globals"
    TORCHSCRIPT = "torchscript"
    SAFETENSORS = "safetensors"
    OTHER = "other"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Contents:
    """What the bytes of a weight file are; follows from them alone.

    Attributes:
        kind: The format, and whether it is harmless to load.
        globals: What its pickles name beyond torch's own list, as ``module.name``, sorted.
    """

    kind: WeightsKind = WeightsKind.UNKNOWN
    globals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A mirrored weight file: its URL and its bytes.

    ``redirect`` is where its upstream sent us (scheme, host and path only), or empty.
    """

    url: str
    digest: Digest
    size_bytes: int
    redirect: str = ""
    contents: Contents = Contents()

    @property
    def blob(self) -> BlobRef:
        """The blob of its bytes."""
        return BlobRef(self.digest, self.size_bytes)


@dataclass(frozen=True, order=True, slots=True)
class Use:
    """What a blob is for: weights (``kind`` says which), a ``snapshot``, or an ``about``.

    ``repo`` is ``owner/name``, with ``@commit`` for a snapshot; empty where no repo wants it.
    """

    digest: Digest
    kind: str
    url: str
    repo: str


@dataclass(frozen=True, slots=True)
class RepoRow:
    """A mirrored repo: its names, refs and snapshots."""

    title: str
    key: RepoKey
    url: str
    default_branch: str
    aliases: tuple[str, ...]
    refs: tuple[RefRow, ...]
    snapshots: tuple[SnapshotRow, ...]

    def names(self) -> frozenset[RepoKey]:
        """Return every key by which code may ask for this repo."""
        return frozenset({self.key, *(RepoKey.parse(alias) for alias in self.aliases)})


@dataclass(frozen=True, slots=True)
class Unit:
    """What advances together or not at all: a repo with its checkpoints, or one checkpoint.

    Attributes:
        source: The name of the source that it belongs to.
        name: The repo's key as text, or the URL of a checkpoint that belongs to no repo.
        state: Whether it is whole.
        reason: Why it is not; empty when it is.
        repo: Its repo, without refs when it never succeeded; None where it has none.
        wanted: The declared entrypoints, as calls.
    """

    source: str
    name: str
    state: UnitState
    reason: str
    repo: RepoRow | None
    checkpoints: tuple[CheckpointRow, ...]
    wanted: tuple[str, ...] = ()

    def blobs(self) -> frozenset[BlobRef]:
        """Return every blob that this unit relies on."""
        found = {row.blob for row in self.checkpoints}
        for snapshot in self.repo.snapshots if self.repo else ():
            found |= snapshot.blobs()
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest as the mirror knows it: its name, and the text of its last good lock."""

    name: str
    lock: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that a publication says: its sources and their units."""

    sources: tuple[Source, ...] = ()
    units: tuple[Unit, ...] = ()

    def blobs(self) -> tuple[BlobRef, ...]:
        """Return every blob that these rows rely on, once each, ordered by digest."""
        return tuple(sorted({blob for unit in self.units for blob in unit.blobs()}))
