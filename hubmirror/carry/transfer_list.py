"""``transfer-list.csv``: what is on the media, for the person or scanner who approves them.

One line for each member of each part. Invariant: no cell is a formula to a spreadsheet, and none
has a line end, whatever a repo calls its files.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hubmirror import urls
from hubmirror.carry.licences import find_licences
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.records import BlobRef, Digest, Use

COLUMNS = ("part", "path", "url", "repo", "size_bytes", "sha256", "licence", "kind")
_CHUNK = 1 << 16
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Packed:
    """One member of one part.

    Attributes:
        part: The file name of the part.
        path: The name of the member in it.
        blob: The blob that it is, or is a segment of.
        size_bytes: Its size.
        sha256: The digest of its bytes.
    """

    part: str
    path: str
    blob: BlobRef
    size_bytes: int
    sha256: Digest


def transfer_list(
    mirror: Mirror, publication: Publication, uses: Iterable[Use], packed: Iterable[Packed]
) -> Iterator[str]:
    """Give the text of the list, some lines at a time: of 100,000 blobs it is long.

    Args:
        mirror: Where the snapshots lie, which are looked into for licences.
        publication: What is carried: its own blobs are named, too.
        uses: What its catalog says that each blob is for.
        packed: What is in the parts, in order.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _rows(mirror, _used_for(publication, uses), packed):
        writer.writerow([_safe(cell) for cell in row])
        if text.tell() > _CHUNK:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _used_for(publication: Publication, uses: Iterable[Use]) -> Mapping[Digest, Sequence[Use]]:
    found: dict[Digest, list[Use]] = {
        blob.digest: [Use(blob.digest, kind, "", "")]
        for kind, blob in (("catalog", publication.catalog), ("evidence", publication.evidence))
        if blob
    }
    for use in uses:
        found.setdefault(use.digest, []).append(use)
    return found


def _rows(
    mirror: Mirror, used_for: Mapping[Digest, Sequence[Use]], packed: Iterable[Packed]
) -> Iterator[Sequence[str]]:
    for one in packed:
        uses = used_for.get(one.blob.digest, ())
        kinds = _joined(use.kind for use in uses)
        yield (
            one.part,
            one.path,
            _joined(urls.redact(use.url) for use in uses),
            _joined(use.repo for use in uses),
            str(one.size_bytes),
            one.sha256.hex,
            _licence(mirror, one.blob) if "snapshot" in kinds else "",
            kinds,
        )


def _licence(mirror: Mirror, blob: BlobRef) -> str:
    try:
        return find_licences(mirror.blobs.path(blob.digest))
    except (OSError, tarfile.TarError):
        return ""  # whoever copies the blob says what is wrong with it


def _joined(texts: Iterable[str]) -> str:
    """Return each text once; spaces part them, for none of them holds one."""
    return " ".join(dict.fromkeys(filter(None, texts)))


def _safe(cell: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula, and a viewer from being steered."""
    if not cell.isprintable():
        cell = "".join(one if one.isprintable() else "?" for one in cell)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
