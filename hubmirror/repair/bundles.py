"""The parts of a bundle as a place to have bytes from: any of them, of any bundle.

Believes a part as an import does: its root, the policy for signatures, its list, each frame.
Knows nothing of which publication the bundle brings; that one does not become current here.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from hubmirror import files
from hubmirror.carry.finding import find_parts
from hubmirror.carry.offers import read_offers
from hubmirror.carry.reading import PartFile
from hubmirror.carry.walking import Placed, can_be_read, piece_of, sound_members
from hubmirror.errors import VerificationError
from hubmirror.records import BlobRef, Digest
from hubmirror.repair.suppliers import Bench
from hubmirror.settings import Settings
from hubmirror.transfer import MirrorTarget

_STEP_BYTES = 1024 * 1024

_Segments = Mapping[BlobRef, dict[int, tuple[Path, Placed]]]


class BundleSupplier:
    """A part of a bundle, or a folder of parts.

    Raises:
        NotFoundError: when there is no part at this place.
        RefusedError: when the policy for signatures keeps all of it out.
    """

    def __init__(self, place: Path, settings: Settings) -> None:
        self.name = str(place)
        offers = read_offers(find_parts([place]).parts, settings)
        if offers.refused and not offers.bundles:
            raise offers.refused[0]
        self._parts = [part.path for offer in offers.bundles for part in offer.parts]
        self._publications = {
            Digest.of(offer.publication_content): offer.publication_content
            for offer in offers.bundles
        }

    def publication(self, digest: Digest) -> bytes | None:
        """Return the bytes of a publication that one of the bundles carries."""
        return self._publications.get(digest)

    def bring(self, wanted: Collection[BlobRef], bench: Bench) -> Mapping[BlobRef, str]:
        """Copy what the parts that are here carry; segments where all of a blob are here."""
        failures = dict.fromkeys(wanted, f"{self.name}: no part that is here carries it")
        segments: _Segments = defaultdict(dict)
        with MirrorTarget(bench.mirror, bench.modes) as target:
            for path in self._parts:
                self._take(path, failures, target, segments)
            for mismatch in target.settle():
                piece = mismatch.piece
                failures[BlobRef(piece.sha256, piece.length)] = mismatch.error().message
        for blob, found in segments.items():
            if blob in failures:
                failures[blob] = _join(blob, found, bench)
                if not failures[blob]:
                    del failures[blob]
        return failures

    def _take(
        self,
        path: Path,
        failures: dict[BlobRef, str],
        target: MirrorTarget,
        segments: _Segments,
    ) -> None:
        """Copy the whole blobs of a part; note where its segments are."""
        with PartFile(path) as part:
            for placed in _members(part):
                blob = placed.member.blob
                if blob not in failures:
                    continue
                if not placed.member.is_whole:
                    segments[blob][placed.member.offset] = path, placed
                    continue
                try:
                    target.take(piece_of(part, placed))
                except OSError as error:
                    if can_be_read(part, placed):
                        raise  # so it is the mirror that cannot be written
                    failures[blob] = f"{path}: cannot be read: {error.strerror}"
                else:
                    del failures[blob]


def _members(part: PartFile) -> Iterator[Placed]:
    head = part.read_head(part.read_root())
    return sound_members(part, head, [])


def _join(blob: BlobRef, found: Mapping[int, tuple[Path, Placed]], bench: Bench) -> str:
    """Put the segments of a blob together; say why not."""
    with files.staged(bench.mirror.incoming) as (stream, path):
        summary, at = hashlib.sha256(), 0
        while at < blob.size_bytes:
            if at not in found:
                return f"the part that carries its bytes from {at:,} on is not here"
            file, placed = found[at]
            try:
                for content in _read(file, placed):
                    summary.update(content)
                    stream.write(content)
            except VerificationError as error:
                return error.message
            at += placed.member.length
        if (got := summary.hexdigest()) != blob.digest.hex:
            return f"its segments: expected sha256 {blob.digest}, got {got}"
        stream.flush()
        bench.mirror.blobs.add(path, blob.digest, bench.modes)
    return ""


def _read(path: Path, placed: Placed) -> Iterator[bytes]:
    at, end = placed.bytes_at, placed.bytes_at + placed.member.length
    with PartFile(path) as part:
        while content := part.read(min(_STEP_BYTES, end - at), at):
            at += len(content)
            yield content
