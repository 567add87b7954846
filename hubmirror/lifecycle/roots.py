"""What must stay in a mirror, and why: read from the mirror and its state, nothing else.

Reads only, and takes no lock: who acts on an answer holds one and asks again. What cannot be
read makes the answer an error, for a guess could take away what a publication needs.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from hubmirror import exports, layout
from hubmirror.errors import VerificationError
from hubmirror.layout import StateLayout
from hubmirror.lifecycle.keeping import Fate, PrunePlan, Rule, Stored, judge, plan_blobs
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.records import Digest
from hubmirror.writer_file import WriterFile

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def look(mirror: Mirror, state: StateLayout | None, rule: Rule, now: datetime) -> PrunePlan:
    """Plan a prune of a mirror as it is now; ``state`` is None where this host has none.

    Raises:
        NotFoundError: when nothing is published yet.
        VerificationError: when a publication that is to stay cannot be read.
    """
    current, publication = mirror.current()
    history = _history(mirror, current)
    reasons = {**_exported(state, rule, now), **_pinned(mirror, publication), current: "current"}
    known = WriterFile.read(mirror.root)
    judged = judge(history, reasons, known.retired, rule, now)
    plan = PrunePlan(judged)
    goes = {one.digest for one in plan.fated(Fate.REMOVE)}
    named = named_by(mirror, (one for one, _ in history if one not in goes))
    left = tuple(leftovers(mirror, rule, now))
    are_awaited = known.held is not None or any(name not in left for name in _imports(mirror))
    blobs, waiting = plan_blobs(stored(mirror), named, rule, now, are_awaited=are_awaited)
    return PrunePlan(judged, blobs, waiting, left)


def _history(mirror: Mirror, current: Digest) -> list[tuple[Digest, Publication]]:
    found = mirror.publications.ordered(current)
    sound = {digest for digest, _ in found}
    for digest in mirror.publications.kept():
        if digest not in sound:
            raise VerificationError(
                f"{mirror.root / layout.publication(digest)}: damaged, so that nobody can tell "
                "what it needs; nothing was removed",
                hint="bring it back from a copy, or remove it to give up what only it needs",
            )
    return found


def _pinned(mirror: Mirror, publication: Publication) -> Mapping[Digest, str]:
    return {
        pin.publication: f"pinned for {pin.spec}{f' ({pin.reason})' if pin.reason else ''}"
        for pin in mirror.evidence(publication).pins
    }


def _exported(state: StateLayout | None, rule: Rule, now: datetime) -> Mapping[Digest, str]:
    """Name the publications that were carried away and of which nobody heard again."""
    if state is None:
        return {}
    found = exports.unacknowledged(state, now=now, grace_s=rule.export_grace_s)
    return {one.publication: f"export {one.name} is not acknowledged" for one in found}


def named_by(mirror: Mirror, publications: Iterable[Digest]) -> set[Digest]:
    """Return what these publications need: their closures, and what their locks pin.

    A lock also pins what arrived for a unit that is not whole yet.

    Raises:
        VerificationError: when one of them cannot be read.
    """
    named = set[Digest]()
    catalogs = set[Digest]()
    for digest in publications:
        publication = mirror.publications.read(digest)
        named.update(blob.digest for blob in publication.own_blobs())
        if publication.catalog.digest in catalogs:
            continue
        catalogs.add(publication.catalog.digest)
        named.update(blob.digest for blob in mirror.closure(digest))
        for source in mirror.catalog(digest).sources():
            named.update(map(Digest, _DIGEST.findall(source.lock)))
    return named


def stored(mirror: Mirror) -> Iterator[Stored]:
    """Go through every blob that is there; no byte of them is read."""
    for entry in sorted(mirror.blobs.entries(), key=lambda entry: entry.name):
        with contextlib.suppress(FileNotFoundError):  # a plan is made beside a prune
            found = entry.stat(follow_symlinks=False)
            # As old as its name: neither a copy nor a clock in the bytes changes it.
            yield Stored(Digest(entry.name), found.st_size, found.st_ctime)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def leftovers(mirror: Mirror, rule: Rule, now: datetime) -> Iterator[str]:
    """Name what lies in ``.incoming/`` and no run will go on with.

    Bytes under their digest are not among it: sync knows which of them somebody put there.
    """
    for entry in _entries(mirror.incoming):
        age_s = now.timestamp() - entry.stat(follow_symlinks=False).st_mtime
        is_import = entry.name.startswith(layout.IMPORT)
        if (is_import and age_s > rule.export_grace_s) or (
            entry.name.startswith("new-") and age_s > rule.reader_grace_s
        ):
            yield entry.name


def _imports(mirror: Mirror) -> list[str]:
    names = (entry.name for entry in _entries(mirror.incoming))
    return [name for name in names if name.startswith(layout.IMPORT)]
