"""Takes away what no publication that is kept needs, against the order of writing.

Retiring is written down first, then names go, then publications, then blobs, each durable
before the next. Killed at any step, what is left is unreferenced bytes, and the next prune
takes those. It holds the run lock, so no sync or import relies on a blob meanwhile; rollbacks
and quarantines go on, so what is needed is asked again, under the short lock, for each batch.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hubmirror import audit, files
from hubmirror.audit import Change
from hubmirror.lifecycle import roots
from hubmirror.lifecycle.keeping import Fate, PrunePlan, Rule, Stored
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from hubmirror.settings import Settings
from hubmirror.state import find_state
from hubmirror.writer import Desk, Turn, writing
from hubmirror.writer_file import WriterFile

_AT_ONCE = 256


def plan_prune(settings: Settings, rule: Rule, now: datetime) -> PrunePlan:
    """Say what ``prune`` would do; takes no lock and changes nothing.

    Raises:
        NotFoundError: when there is no mirror, or nothing is published.
        VerificationError: when what is to stay cannot be read.
    """
    with Mirror.open(settings.require_mirror().absolute()) as mirror:
        return roots.look(mirror, find_state(settings, mirror.id), rule, now)


def prune(settings: Settings, rule: Rule, turn: Turn, now: datetime) -> PrunePlan:
    """Retire and remove what the rule lets go of; return what was done.

    Raises:
        LockedError: when another writer is at work.
        VerificationError: when what is to stay cannot be read; nothing was changed then.
    """
    Mirror.open(settings.require_mirror()).close()  # nobody wants one made for this
    with writing(settings, turn) as desk:
        with desk.publishing():
            plan = roots.look(desk.mirror, desk.state, rule, now)
            _note_retired(desk, plan, settings.modes)
            if plan.is_empty():
                return plan
            _audit(desk, plan)  # first: nothing goes without a line
            for one in plan.fated(Fate.REMOVE):
                desk.mirror.publications.remove(one.digest)
        gone = remove_blobs(desk, plan)
        with desk.publishing():  # so that nobody is writing what looks like a leftover
            _clear(desk.mirror, plan.leftovers)
            _forget_removed(desk, settings.modes)
        return replace(plan, blobs=gone)


def _note_retired(desk: Desk, plan: PrunePlan, modes: files.Modes) -> None:
    going = {one.digest: one.since for one in plan.publications if one.fate is not Fate.KEEP}
    known = WriterFile.read(desk.mirror.root)
    if known.retired != going:
        replace(known, retired=going).write(desk.mirror.root, modes)


def _forget_removed(desk: Desk, modes: files.Modes) -> None:
    known = WriterFile.read(desk.mirror.root)
    there = set(desk.mirror.publications.kept())
    left = {digest: since for digest, since in known.retired.items() if digest in there}
    if left != known.retired:
        replace(known, retired=left).write(desk.mirror.root, modes)


def remove_blobs(desk: Desk, plan: PrunePlan) -> tuple[Stored, ...]:
    """Remove what a plan lets go of, in batches; what somebody needs since the plan stays."""
    mirror = desk.mirror
    seen = {one.digest for one in plan.publications}
    needed, gone = set[Digest](), list[Stored]()
    for start in range(0, len(plan.blobs), _AT_ONCE):
        with desk.publishing():
            new = set(mirror.publications.kept()) - seen
            needed |= roots.named_by(mirror, new)
            seen |= new
            batch = plan.blobs[start : start + _AT_ONCE]
            goes = [one for one in batch if one.digest not in needed]
            files.remove(mirror.blobs.path(one.digest) for one in goes)
            gone += goes
    return tuple(gone)


def _clear(mirror: Mirror, names: Sequence[str]) -> None:
    for path in (mirror.incoming / name for name in names):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _audit(desk: Desk, plan: PrunePlan) -> None:
    counts = {
        "retired": len(plan.fated(Fate.RETIRE)),
        "removed": len(plan.fated(Fate.REMOVE)),
        "blobs": len(plan.blobs),
        "freed_bytes": sum(one.size_bytes for one in plan.blobs),
        "leftovers": len(plan.leftovers),
    }
    current = desk.mirror.publications.find_current()
    audit.append(desk.state, Change("prune", current, current, counts))
