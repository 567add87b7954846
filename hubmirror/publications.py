"""Publications: the immutable records that say which catalog readers see.

Owns: ``publications/``, ``current.json``. Knows a catalog only by digest.
Invariant: a publication's name is the sha256 of its bytes, on every replica.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubmirror import files, layout
from hubmirror.errors import (
    MALFORMED,
    FormatError,
    InvalidInputError,
    NotFoundError,
    VerificationError,
)
from hubmirror.filesystem import patiently
from hubmirror.records import BlobRef, Digest
from hubmirror.version import FORMAT, __version__
from hubmirror.writer_file import WriterFile


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a publication holds; ``size_bytes`` counts each blob once."""

    repos: int
    snapshots: int
    checkpoints: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Publication:
    """What readers see: one catalog, and where it came from.

    Attributes:
        origin: The id of the mirror whose writer made it.
        sequence: Counts from 1 within the origin.
        previous: The publication that it replaced.
        content_digest: Equal exactly where two publications say the same.
        created_at: UTC, ISO 8601.
        tool: The program and version that made it.
        evidence: A blob of what may change without new content, such as proofs.
    """

    origin: str
    sequence: int
    previous: Digest | None
    catalog: BlobRef
    content_digest: Digest
    created_at: str
    tool: str
    counts: Counts
    evidence: BlobRef | None = None

    def own_blobs(self) -> frozenset[BlobRef]:
        """Return the blobs that it names itself; its catalog names all others."""
        return frozenset({self.catalog, self.evidence} if self.evidence else {self.catalog})

    def encode(self) -> bytes:
        """Return the bytes whose sha256 is this publication's name."""
        fields = {
            "format": FORMAT,
            "min_reader": 1,
            "origin": self.origin,
            "sequence": self.sequence,
            "previous": self.previous.hex if self.previous else None,
            "catalog": _blob_fields(self.catalog),
            "content_digest": self.content_digest.hex,
            "created_at": self.created_at,
            "tool": self.tool,
            "counts": dataclasses.asdict(self.counts),
            "evidence": _blob_fields(self.evidence) if self.evidence else None,
        }
        return json.dumps(fields, sort_keys=True, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, content: bytes, *, where: str) -> Publication:
        """Read a publication.

        Raises:
            FormatError: when it asks for a newer reader.
            VerificationError: when it is no publication.
        """
        try:
            fields = json.loads(content)
            check_min_reader(fields["min_reader"], where)
            return cls(
                origin=str(fields["origin"]),
                sequence=int(fields["sequence"]),
                previous=Digest.parse(fields["previous"]) if fields["previous"] else None,
                catalog=_blob(fields["catalog"]),
                content_digest=Digest.parse(fields["content_digest"]),
                created_at=str(fields["created_at"]),
                tool=str(fields["tool"]),
                counts=Counts(**{k: int(fields["counts"][k]) for k in _COUNTS}),
                evidence=_blob(fields["evidence"]) if fields.get("evidence") else None,
            )
        except MALFORMED as error:
            raise VerificationError(f"{where}: not a publication: {error}") from error


_COUNTS = tuple(field.name for field in dataclasses.fields(Counts))


def check_min_reader(wanted: int, where: str) -> None:
    """Refuse by name what only a newer hubmirror understands.

    Raises:
        FormatError: naming both versions.
    """
    if wanted > FORMAT:
        raise FormatError(
            f"{where}: needs a reader of format {wanted}; "
            f"hubmirror {__version__} reads up to format {FORMAT}",
            hint="install a newer hubmirror on this machine",
        )


def _blob_fields(blob: BlobRef) -> dict[str, str | int]:
    return {"sha256": blob.digest.hex, "size_bytes": blob.size_bytes}


def _blob(fields: dict[str, str | int]) -> BlobRef:
    return BlobRef(Digest.parse(str(fields["sha256"])), int(fields["size_bytes"]))


class Publications:
    """The publications of a mirror on this machine's file system."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, digest: Digest) -> Publication:
        """Return a publication, its bytes checked against its name.

        Raises:
            NotFoundError: when there is none of this name.
            VerificationError: when its bytes are not its name.
        """
        where = str(self._root / layout.publication(digest))
        return Publication.decode(self.read_bytes(digest), where=where)

    def read_bytes(self, digest: Digest) -> bytes:
        """Return the bytes of a publication, checked against its name.

        Raises:
            NotFoundError: when there is none of this name.
            VerificationError: when its bytes are not its name.
        """
        path = self._root / layout.publication(digest)
        try:
            content = patiently(path, Path.read_bytes, promised=True)
        except FileNotFoundError:
            raise NotFoundError(f"{self._root}: no publication {digest}") from None
        if (got := Digest.of(content)) != digest:
            raise VerificationError(f"{path}: expected sha256 {digest}, got {got}")
        return content

    def current(self) -> Digest | None:
        """Return the publication that readers see, or None before the first one.

        Raises:
            VerificationError: when ``current.json`` cannot be understood.
        """
        current = self._current()
        return current[1] if current else None

    def find_current(self) -> Digest | None:
        """Return what ``current.json`` names; None where there is none, or it is torn."""
        try:
            return self.current()
        except VerificationError:
            return None

    def last_sequence(self) -> int:
        """Return the highest sequence that was given out, 0 before the first publication.

        Known even when ``current.json``, or the publication that it names, is damaged.
        """
        with contextlib.suppress(VerificationError):
            if current := self._current():
                return current[0]
        return max((one.sequence for _, one in self.sound()), default=0)

    def sound(self) -> list[tuple[Digest, Publication]]:
        """Return every kept publication whose bytes are its name, the newest first."""
        found: list[tuple[Digest, Publication]] = []
        for digest in self.kept():
            with contextlib.suppress(VerificationError, NotFoundError):
                found.append((digest, self.read(digest)))
        return sorted(found, key=lambda one: one[1].sequence, reverse=True)

    def kept(self) -> list[Digest]:
        """Return every publication that there is, by name only."""
        names = (path.stem for path in (self._root / layout.PUBLICATIONS).glob("*.json"))
        return [Digest(name) for name in sorted(names) if len(name) == 64]

    def _current(self) -> tuple[int, Digest] | None:
        path = self._root / layout.CURRENT
        try:
            fields = json.loads(patiently(path, Path.read_bytes, promised=False))
            return int(fields["serial"]), Digest.parse(fields["publication"])
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError, InvalidInputError) as error:
            raise VerificationError(f"{path}: does not name a publication: {error}") from error

    def history(self, start: Digest | None) -> Iterator[tuple[Digest, Publication]]:
        """Go back from a publication to the one it replaced, as far as they are kept."""
        digest, seen = start, set[Digest]()
        while digest and digest not in seen:
            seen.add(digest)
            try:
                publication = self.read(digest)
            except NotFoundError:
                return
            yield digest, publication
            digest = publication.previous

    def ordered(self, start: Digest | None) -> list[tuple[Digest, Publication]]:
        """Return every sound publication: the history of one first, then the newest first.

        The history breaks off where a publication was removed, so what is older comes after
        it. Last come those that a killed writer never let readers see: the number of each
        was given out again.
        """
        past: list[tuple[Digest, Publication]] = []
        with contextlib.suppress(VerificationError):
            past.extend(self.history(start))  # what came before the damage stays
        seen = {digest for digest, _ in past}
        numbers = {(one.origin, one.sequence) for _, one in past}
        rest = [found for found in self.sound() if found[0] not in seen]
        rest.sort(key=lambda found: found[1].created_at, reverse=True)
        rest.sort(key=lambda found: (found[1].origin, found[1].sequence) in numbers)
        return past + rest

    def add(self, publication: Publication, modes: files.Modes) -> Digest:
        """Store a publication under its name; readers do not see it yet."""
        return self.add_bytes(publication.encode(), modes)

    def add_bytes(self, content: bytes, modes: files.Modes) -> Digest:
        """Like ``add``, of another mirror's publication: its bytes stay as they are."""
        digest = Digest.of(content)
        final = self._root / layout.publication(digest)
        with files.staged(self._root / layout.INCOMING) as (stream, path):
            stream.write(content)
            stream.flush()
            files.place_new(path, final, mode=modes.file, folder_mode=modes.folder)
        return digest

    def mend(self, content: bytes, modes: files.Modes) -> None:
        """Put the bytes of a publication, checked by whoever calls, in the place of what is there.

        By a rename: ``add`` would leave a damaged file of that name as it is.
        """
        final = self._root / layout.publication(Digest.of(content))
        files.write(content, final, staging=self._root / layout.INCOMING, modes=modes)

    def make_current(self, digest: Digest, sequence: int, modes: files.Modes) -> None:
        """Let readers see a publication: one rename."""
        fields = {"serial": sequence, "publication": digest.hex}
        files.write(
            json.dumps(fields, sort_keys=True).encode() + b"\n",
            self._root / layout.CURRENT,
            staging=self._root / layout.INCOMING,
            modes=modes,
        )

    def is_held(self) -> bool:
        """Tell whether a person has put publishing on hold.

        Raises:
            VerificationError: when ``writer.json`` cannot be understood.
        """
        return WriterFile.read(self._root).held is not None

    def remove(self, digest: Digest) -> None:
        """Take a publication away, durably, before anything that only it needs."""
        names = (layout.signature(digest), layout.publication(digest))
        files.remove(self._root / name for name in names)
