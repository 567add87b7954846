"""Rehearses a publication, and records the proofs where its mirror is written.

They are evidence of a new publication with the same content; where the mirror is a copy, or is
not this user's to write, they are reported and that is all.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hubmirror import audit
from hubmirror.audit import Change
from hubmirror.catalog import Catalog
from hubmirror.errors import HubmirrorError, NotFoundError
from hubmirror.evidence import Proof
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.naming import did_you_mean, shorten
from hubmirror.proofs import holding, with_proofs
from hubmirror.publish import republish
from hubmirror.records import Unit
from hubmirror.rehearsing.options import Options
from hubmirror.rehearsing.rehearsal import Rehearsal, find_runtime
from hubmirror.rehearsing.report import RehearsalReport
from hubmirror.rehearsing.staging import Candidate, Stage
from hubmirror.settings import Settings
from hubmirror.state import find_state
from hubmirror.writer import Turn, pointing


def rehearse(settings: Settings, options: Options, source: str = "") -> RehearsalReport:
    """Load every declared entrypoint of a publication, or of one of its sources.

    Raises:
        NotFoundError: when there is no mirror, publication or source of this name.
        MissingDependencyError: when torch is not installed here.
        StorageError: when no child can be started, or not be held as it was asked.
    """
    root = settings.require_mirror().absolute()
    with Mirror.open(root) as mirror, sandboxes(settings) as parent:
        asked = settings.publication
        serving = mirror.serving(parse_publication(asked, mirror) if asked else None)
        units = _wanted(serving.catalog, source)
        runtime = find_runtime()
        path = mirror.blobs.path(serving.publication.catalog.digest)
        stage = Stage(Candidate(root, path, serving.digest), parent, settings, options)
        rehearsal = Rehearsal(serving.catalog, stage, runtime, options)
        outcomes = rehearsal.run(units, mirror.evidence(serving.publication))
    report = RehearsalReport(serving.digest, runtime.torch, outcomes)
    new = [one.standing.proof for one in outcomes if one.standing.proof and not one.skipped]
    return _recorded(report, new, settings) if new else report


@contextlib.contextmanager
def sandboxes(settings: Settings) -> Iterator[Path]:
    """Give the folder in which sandboxes are made: in this user's cache, or a temporary one."""
    chosen = settings.cache or (settings.cache_home and f"{settings.cache_home}/hubmirror")
    if chosen:
        yield Path(chosen).expanduser().absolute() / "sandboxes"
        return
    with tempfile.TemporaryDirectory(prefix="hubmirror-") as folder:
        yield Path(folder)


def _wanted(catalog: Catalog, source: str) -> Sequence[Unit]:
    names = [one.name for one in catalog.sources()]
    if source and source not in names:
        raise NotFoundError(
            f"no source {source!r} is published{did_you_mean(source, names)}",
            hint=f"there are: {shorten(names)}; `hubmirror sync` publishes a manifest",
        )
    return [unit for unit in catalog.declaring_units() if source in ("", unit.source)]


def _recorded(report: RehearsalReport, new: Sequence[Proof], settings: Settings) -> RehearsalReport:
    """Record proofs with what is current by now: they hold of it, or are void."""
    with Mirror.open(settings.require_mirror().absolute()) as mirror:
        origin = mirror.serving().publication.origin
        is_written_here = origin == mirror.id and find_state(settings, mirror.id) is not None
    if not is_written_here:
        return replace(report, unrecorded="this host is not where the mirror is written")
    try:
        with pointing(settings, Turn("rehearse")) as desk:
            serving = desk.mirror.serving()
            known = desk.mirror.evidence(serving.publication)
            kept = replace(known, proofs=holding(serving.catalog, known.proofs))
            evidence = with_proofs(kept, holding(serving.catalog, new))
            done = republish(desk.mirror, serving.publication, evidence, settings.modes)
            audit.append(desk.state, Change("rehearse", serving.digest, done.digest))
    except HubmirrorError as error:
        return replace(report, unrecorded=error.message)
    except OSError as error:
        return replace(report, unrecorded=f"{error.filename}: {error.strerror}")
    return replace(report, recorded=done.digest)
