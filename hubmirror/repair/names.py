"""Mends the names of a mirror: its publications, their catalogs, and ``current.json``.

Runs before any other blob is looked at, for what a mirror must hold is known from these only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hubmirror import files, layout
from hubmirror.errors import HubmirrorError
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef, Digest
from hubmirror.repair.report import Mended
from hubmirror.repair.suppliers import Supplier


def mend_publications(
    mirror: Mirror, suppliers: Sequence[Supplier], modes: files.Modes
) -> Iterator[Mended]:
    """Bring back each publication that is damaged, or that ``current.json`` names in vain."""
    named = {*mirror.publications.kept(), mirror.publications.find_current()}
    for digest in sorted(filter(None, named)):
        if _is_sound(mirror, digest):
            continue
        for supplier in suppliers:
            content = supplier.publication(digest)
            if content is not None and Digest.of(content) == digest:
                mirror.publications.mend(content, modes)
                yield Mended(str(mirror.root / layout.publication(digest)), supplier.name)
                break


def damaged_catalogs(mirror: Mirror) -> list[BlobRef]:
    """Return the catalogs of sound publications that cannot be believed."""
    found: dict[BlobRef, None] = {}
    for digest, publication in mirror.publications.sound():
        try:
            mirror.closure(digest)
        except (HubmirrorError, OSError):
            found[publication.catalog] = None
    return list(found)


def mend_current(mirror: Mirror, warnings: list[str], modes: files.Modes) -> Iterator[Mended]:
    """Let ``current.json`` name the newest sound publication where it names none."""
    path = mirror.root / layout.CURRENT
    if mirror.publications.find_current() or not mirror.publications.kept():
        return
    serving = mirror.find_serving()  # the newest sound one, or all are damaged
    if serving is None:
        return
    sequence = mirror.publications.last_sequence()
    mirror.publications.make_current(serving.digest, sequence, modes)
    warnings.append(
        f"{path}: it named no publication; readers now see the newest sound one, sequence "
        f"{serving.publication.sequence} of {serving.publication.created_at}: if there was a newer "
        "one, or a rollback to an older one, that is lost; `hubmirror history` lists what is kept"
    )
    yield Mended(str(path), f"publication {serving.digest.hex[:12]}")


def _is_sound(mirror: Mirror, digest: Digest) -> bool:
    try:
        mirror.publications.read(digest)
    except (HubmirrorError, OSError):
        return False
    return True
