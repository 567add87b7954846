"""Goes back to an older publication in an instant, and lets publishing go on afterwards.

A rollback is a new publication with the old catalog, so the history tells of it and replicas
follow it. Publishing is put on hold first: killed between the two steps, readers see what they
saw, and no sync undoes what somebody was about to do. What is quarantined or pinned now stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hubmirror import audit
from hubmirror.audit import Change
from hubmirror.errors import VerificationError
from hubmirror.evidence import Evidence
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.publications import Publication
from hubmirror.publish import Published, republish
from hubmirror.records import Digest
from hubmirror.settings import Settings
from hubmirror.writer import Desk, Turn, pointing
from hubmirror.writer_file import Hold, WriterFile


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What readers see now, and whose content that is.

    ``published`` is None where they saw just that before.
    """

    target: Digest
    content: Publication
    published: Published | None


def roll_back(settings: Settings, publication: str, reason: str, turn: Turn) -> RolledBack:
    """Let readers see the content of an older publication, and put publishing on hold.

    Raises:
        NotFoundError: when there is no such publication.
        VerificationError: when it, or a blob that it needs, is not there as it was.
    """
    with pointing(settings, turn) as desk:
        mirror = desk.mirror
        target = parse_publication(publication, mirror)
        content = mirror.serving(target).publication
        _refuse_missing(mirror, target)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        known = WriterFile.read(mirror.root)
        replace(known, held=Hold(since, reason)).write(mirror.root, settings.modes)
        before = mirror.publications.find_current()
        if before and _says(mirror, before, content):
            _note(desk, Change("rollback", before, before, {"to": target.hex, "reason": reason}))
            return RolledBack(target, content, None)
        evidence = _evidence(mirror, content)
        published = republish(mirror, content, evidence, settings.modes)
        details = {"to": target.hex, "reason": reason}
        _note(desk, Change("rollback", before, published.digest, details))
        return RolledBack(target, content, published)


def release(settings: Settings, turn: Turn) -> Hold | None:
    """Let publishing go on; return the hold that there was."""
    with pointing(settings, turn) as desk:
        known = WriterFile.read(desk.mirror.root)
        if known.held is None:
            return None
        replace(known, held=None).write(desk.mirror.root, settings.modes)
        current = desk.mirror.publications.find_current()
        _note(desk, Change("release", current, current, {"reason": known.held.reason}))
        return known.held


def _note(desk: Desk, change: Change) -> None:
    audit.append(desk.state, change)


def _says(mirror: Mirror, digest: Digest, content: Publication) -> bool:
    try:
        return mirror.publications.read(digest).content_digest == content.content_digest
    except VerificationError:
        return False


def _refuse_missing(mirror: Mirror, publication: Digest) -> None:
    for blob in sorted(mirror.closure(publication)):
        if not mirror.blobs.has(blob):
            raise VerificationError(
                f"{mirror.blobs.path(blob.digest)}: missing; publication {publication.hex[:12]} "
                "needs it, so nothing was rolled back",
                hint="`hubmirror history` lists other publications",
            )


def _evidence(mirror: Mirror, content: Publication) -> Evidence:
    """What was proved of the old content is true again; marks of today stay as they are."""
    serving = mirror.find_serving()
    today = mirror.evidence(serving.publication) if serving else Evidence()
    return replace(today, proofs=mirror.evidence(content).proofs)
