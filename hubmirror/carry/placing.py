"""The last step of an import: what has arrived becomes what readers see.

In the order that survives a kill: the blobs are durable already; then the publication gets its
name, then ``current.json``, then the traces of the import go.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

from hubmirror import audit, files, layout
from hubmirror.audit import Change
from hubmirror.carry import names
from hubmirror.carry.format import Root
from hubmirror.carry.offers import Offer
from hubmirror.carry.succession import Kept
from hubmirror.errors import (
    FormatError,
    HubmirrorError,
    NotFoundError,
    RefusedError,
    VerificationError,
)
from hubmirror.evidence import Evidence
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.publish import republish
from hubmirror.records import BlobRef
from hubmirror.writer import Desk


def kept_by(mirror: Mirror) -> Kept:
    """Return what a mirror keeps; where ``current.json`` is damaged its newest sound one."""
    sound = mirror.publications.sound()
    current = mirror.publications.find_current()
    if current is None and sound:
        current = sound[0][0]
    return Kept(current, sound)


def is_served(mirror: Mirror, offer: Offer) -> bool:
    """Tell whether readers see just this publication, and all of it is there.

    Also where it was marked here since: then its content is published again, with the marks.
    """
    with contextlib.suppress(HubmirrorError):
        digest, current = mirror.current()
        wanted = offer.root.publication
        is_marked = current.origin == mirror.id and wanted in mirror.publications.kept()
        same = digest == wanted or (is_marked and current.catalog == offer.publication.catalog)
        return same and not _missing(mirror, offer)
    return False


def check_whole(mirror: Mirror, offer: Offer) -> None:
    """Refuse to let readers see what cannot be loaded.

    Raises:
        VerificationError: when the catalog or evidence is not sound, or a blob is missing that
            is neither in the bundle nor required by it.
    """
    mirror.evidence(offer.publication)
    if missing := _missing(mirror, offer):
        first = missing[0]
        raise VerificationError(
            f"{len(missing):,} blobs that the publication names are missing, though every part "
            f"has arrived: first {first.digest} of {first.size_bytes:,} bytes",
            hint="they were removed since, or the bundle was made wrong: import all of its parts "
            "again, and if that does not help, export it again",
        )


def _missing(mirror: Mirror, offer: Offer) -> list[BlobRef]:
    own = [blob for blob in offer.publication.own_blobs() if not mirror.blobs.has(blob)]
    if own:
        return sorted(own)
    closure = mirror.closure_of(offer.publication)
    return sorted(blob for blob in closure if not mirror.blobs.has(blob))


def refuse_while_held(mirror: Mirror) -> None:
    """Refuse to publish what a person has put on hold.

    Raises:
        RefusedError: saying what to do.
    """
    if mirror.publications.is_held():
        raise RefusedError(
            f"{mirror.root}: publishing is on hold; all of the bundle has arrived and stays",
            hint="`hubmirror release`, then import any part of it again",
        )


def publish_arrived(desk: Desk, offer: Offer, modes: files.Modes) -> None:
    """Let readers see a publication all of which is there, in one rename; under the short lock.

    What was quarantined or pinned here stays so: its content is published again then, with that.

    Raises:
        VerificationError: when what was marked here cannot be read.
    """
    mirror, wanted = desk.mirror, offer.publication
    before = mirror.publications.find_current()
    evidence = _marked(mirror, wanted)
    after = mirror.publications.add_bytes(offer.publication_content, modes)
    if evidence == mirror.evidence(wanted):
        mirror.publications.make_current(after, wanted.sequence, modes)
    else:
        after = republish(mirror, wanted, evidence, modes).digest
    details: dict[str, str | int] = {"bundle": offer.root.name, "sequence": wanted.sequence}
    audit.append(desk.state, Change(desk.turn.verb, before, after, details))


def _marked(mirror: Mirror, wanted: Publication) -> Evidence:
    """Return what is known of a publication, with what was marked on this side."""
    brought = mirror.evidence(wanted)
    try:
        _, current = mirror.current()
    except (NotFoundError, FormatError):
        return brought
    if current.origin != mirror.id or current.origin == wanted.origin:
        return brought
    ours = mirror.evidence(current)
    known = {row.digest for row in brought.quarantine}
    return replace(
        brought,
        quarantine=(
            *brought.quarantine,
            *(row for row in ours.quarantine if row.digest not in known),
        ),
        pins=tuple(sorted({*brought.pins, *ours.pins})),
    )


def sweep(mirror: Mirror, offer: Offer) -> None:
    """Remove what imports left of this bundle, and of older ones of its origin."""
    for folder in mirror.incoming.glob(f"{layout.IMPORT}*"):
        if _is_outdone(folder / names.ROOT, offer.root):
            shutil.rmtree(folder, ignore_errors=True)


def _is_outdone(path: Path, by: Root) -> bool:
    try:
        root = Root.decode(path.read_bytes(), where=str(path))
    except (FileNotFoundError, NotADirectoryError):
        return True  # the import was killed before it took anything
    except HubmirrorError:
        return False  # of a newer hubmirror, say
    return root.origin == by.origin and root.sequence <= by.sequence
