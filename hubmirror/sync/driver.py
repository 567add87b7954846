"""The steps of a sync in the one order that a kill at any instant survives.

Bytes on first sight -> index -> lock beside the manifest -> blobs durable -> catalog ->
publication -> ``current.json``.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

from hubmirror import audit, files
from hubmirror.audit import Change
from hubmirror.differences import Kind, compare
from hubmirror.errors import ExitCode, RefusedError, StorageError
from hubmirror.evidence import Evidence, Proof
from hubmirror.findings import CheckedUrls
from hubmirror.plan import SourcePlan
from hubmirror.proofs import with_proofs
from hubmirror.publish import Published, publish, refuse_contradictions
from hubmirror.records import CheckpointRow, Holdings, Unit
from hubmirror.settings import Settings
from hubmirror.specs import Manifest
from hubmirror.state import note_success
from hubmirror.sync.assembling import Assembled, assemble
from hubmirror.sync.catching_up import catch_up
from hubmirror.sync.checking import STALL_S, UrlChecker
from hubmirror.sync.closing import Assembling, replaced
from hubmirror.sync.contents import describe_all
from hubmirror.sync.fetching import Fetcher, Outcomes
from hubmirror.sync.landing import Landing
from hubmirror.sync.lfs import ObjectFetcher
from hubmirror.sync.options import Mode, Options
from hubmirror.sync.planning import (
    Wanted,
    find_credentials,
    find_waiting,
    git_upstream,
    manifest_reader,
    needed_blobs,
    plan_all,
    read_all,
    refuse_missing,
    restore_locks,
)
from hubmirror.sync.preflight import PATIENCE_S, Preflight
from hubmirror.sync.recording import recording
from hubmirror.sync.report import SyncReport, UnitReport
from hubmirror.sync.room import Room
from hubmirror.sync.snapshots import SnapshotMaker
from hubmirror.sync.standing import judge_urls
from hubmirror.sync.weights import Weights, WeightsFetcher
from hubmirror.sync.writing import Workplace, writing
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.http import HttpUpstream
from hubmirror.upstream.pace import Pace
from hubmirror.upstream.repos import GitUpstream


def sync(manifests: Sequence[Path], settings: Settings, options: Options) -> SyncReport:
    """Bring the mirror up to these manifests, and publish what came of it.

    A unit that fails keeps its previous rows; the report says so. Running it again finishes
    what was interrupted, without fetching finished files again.

    Raises:
        InvalidInputError: for faults in any manifest or lock; nothing was touched then.
        LockedError: when another sync of this mirror is at work.
        StorageError: when a lock could not be written beside its manifest.
        RefusedError: when two sources contradict each other; readers see what they saw.
        VerificationError: when ``FROZEN`` and bytes are missing.
    """
    reader = manifest_reader(settings)
    wanted = read_all(manifests, options, reader)
    with writing(settings, options.turn) as place, git_upstream(settings) as git:
        reader.keep(place.state.manifests, time.time())
        catch_up(place.index, place.mirror)
        sources = [one.manifest.name for one in wanted]
        with recording(place.state, sources) as record, place.index.run(sources) as outcome:
            record.report = report = _Run(place, settings, options, git).run(wanted)
            outcome.append(report.exit_code().name.lower())
        if report.exit_code() is ExitCode.OK:
            note_success(place.state)
        return report


class _Connect(Protocol):
    """Opens the HTTP engine, which is closed when the run is over."""

    def __call__(self, logins: Credentials, *, stall_s: float = 60) -> HttpUpstream: ...


class _Run:
    """One sync under its lock."""

    def __init__(
        self, place: Workplace, settings: Settings, options: Options, git: GitUpstream
    ) -> None:
        self._desk = place.desk
        self._mirror = place.mirror
        self._state = place.state
        self._index = place.index
        self._settings = settings
        self._options = options
        self._landing = Landing(place.mirror, settings.modes)
        self._room = Room(place.state.partial, place.mirror.incoming)
        self._git = git

    def run(self, wanted: Sequence[Wanted]) -> SyncReport:
        with self._desk.publishing():  # a quarantine may be writing its own
            self._mirror.clear_staged()
        before = self._index.holdings()
        wanted = restore_locks(wanted, before, self._options)
        plans = self._plan(wanted, before)
        if self._options.mode is Mode.FROZEN:
            refuse_missing(plans)
        checked = self._check_urls(plans) if self._options.check_urls else None
        if self._options.mode is Mode.FOLLOW:  # otherwise the lock decides
            asked = checked.seen.keys() if checked else frozenset[str]()
            plans = list(judge_urls(plans, self._index.seen(drifted=True), asked))
        outcomes = self._fetch(plans)
        described = self._describe(plans, outcomes, before)
        had = _by_source(before)
        assembling = Assembling(
            before,
            lambda plan: assemble(
                plan, outcomes, had[plan.manifest.name], self._is_loadable, described
            ),
        )
        done = assembling.closed(plans)
        if (cut_off := SyncReport(_reports(done), None, checked=checked)).is_cut_off():
            return cut_off
        done, proofs = self._judge(plans, done, assembling)
        after = replaced(before, done)
        refuse_contradictions(after)
        for one in done:
            if one.source not in before.sources or one.by_name() != had[one.source.name]:
                self._index.replace_source(one.source, one.units)
        locks = self._write_locks(wanted, done)
        self._landing.place(frozenset().union(*(one.arrived for one in done)))
        units = [unit for one in done for unit in one.units]
        self._index.forget_arrivals(row.url for unit in units for row in unit.checkpoints)
        self._index.forget_made(units)
        published, held = self._publish(after, proofs)
        with self._desk.publishing():
            self._landing.clear(self._index.waiting())
        self._room.clear(time.time())
        changes = compare(before, after) if published else ()
        dropped = tuple(one for one in changes if one.kind is Kind.REMOVED)
        return SyncReport(_reports(done), published, locks, held, dropped, checked)

    def _plan(self, wanted: Sequence[Wanted], before: Holdings) -> Sequence[SourcePlan]:
        waiting = find_waiting(self._index)
        present = self._landing.present({*waiting.blobs(), *needed_blobs(before, wanted)})
        jobs = self._jobs(one.manifest for one in wanted)
        return plan_all(wanted, before, waiting, present, self._options.mode, self._git, jobs)

    def _jobs(self, manifests: Iterable[Manifest]) -> int:
        asked = [manifest.settings.jobs for manifest in manifests]
        return max((jobs for jobs in asked if jobs), default=self._settings.jobs)

    def _check_urls(self, plans: Sequence[SourcePlan]) -> CheckedUrls:
        """Ask the URLs whose bytes are held, and remember what was said."""
        jobs = self._jobs(plan.manifest for plan in plans)
        with contextlib.ExitStack() as ends:
            connect = self._connector(plans, ends)
            http = connect(find_credentials(self._settings), stall_s=STALL_S)
            checker = UrlChecker(http, self._room, self._settings.expand, jobs)
            checked = checker.check(plans, self._index.seen())
        self._index.record_seen(checked.seen.values())
        return checked

    def _fetch(self, plans: Sequence[SourcePlan]) -> Outcomes:
        settings, jobs = self._settings, self._jobs(plan.manifest for plan in plans)
        credentials = find_credentials(settings)
        with contextlib.ExitStack() as ends:
            connect = self._connector(plans, ends)
            preflight = Preflight(self._room, settings.expand, jobs)
            preflight.check(plans, lambda: connect(credentials, stall_s=PATIENCE_S / 2))
            http = connect(credentials)
            weights = WeightsFetcher(http, self._landing, self._room, settings.expand)
            check_stop = weights.stop.check
            objects = ObjectFetcher(lambda: connect(credentials.for_git()), self._room, check_stop)
            maker = SnapshotMaker(self._git, self._landing, objects, self._state.clone, check_stop)
            is_exact = self._options.mode is not Mode.FOLLOW
            fetcher = Fetcher(maker, weights, self._options.notify, is_exact=is_exact)
            return fetcher.fetch_all(plans, jobs, self._index.record_arrivals)

    def _connector(self, plans: Sequence[SourcePlan], ends: contextlib.ExitStack) -> _Connect:
        """Return what opens the HTTP engine for a run: all that it opens share one pace."""
        settings = self._settings
        rates = [plan.manifest.settings.limit_rate_bytes for plan in plans]
        pace = Pace(min((rate for rate in rates if rate), default=settings.limit_rate_bytes))

        def connect(logins: Credentials, *, stall_s: float = 60) -> HttpUpstream:
            opened = HttpUpstream(
                ca_bundle=settings.ca_bundle,
                proxies=settings.proxies,
                credentials=logins,
                pace=pace,
                connections_per_host=self._connections(plans),
                stall_s=stall_s,
            )
            return ends.enter_context(opened)

        return connect

    def _connections(self, plans: Iterable[SourcePlan]) -> int:
        """Say how many connections a host may see: as few as the most careful manifest asks."""
        asked = (plan.manifest.settings.connections_per_host for plan in plans)
        return min((most for most in asked if most), default=self._settings.connections_per_host)

    def _describe(
        self, plans: Sequence[SourcePlan], outcomes: Outcomes, before: Holdings
    ) -> Mapping[CheckpointRow, CheckpointRow]:
        held = (row for plan in plans for unit in plan.units for row in unit.held_checkpoints)
        came = (one.row for one in outcomes.weights.values() if isinstance(one, Weights))
        return describe_all(chain(held, came), before, self._landing.find)

    def _is_loadable(self, unit: Unit) -> bool:
        """Tell whether a unit's bytes are all there: only then a failed unit may keep it."""
        return all(map(self._mirror.blobs.has, unit.blobs()))

    def _write_locks(self, wanted: Sequence[Wanted], done: Sequence[Assembled]) -> tuple[str, ...]:
        written: list[str] = []
        for one, assembled in zip(wanted, done, strict=True):
            if self._options.mode is Mode.FROZEN or (one.is_stored and one.lock == assembled.lock):
                continue
            try:
                files.write(
                    assembled.source.lock.encode(),
                    one.lock_file,
                    staging=one.lock_file.parent,
                    modes=self._settings.modes,
                )
            except OSError as error:
                raise StorageError(
                    f"{one.lock_file}: the lock cannot be written: {error.strerror}",
                    hint="nothing was published; name another folder for locks: --lock-dir DIR",
                ) from error
            written.append(str(one.lock_file))
        return tuple(written)

    def _judge(
        self, plans: Sequence[SourcePlan], done: Sequence[Assembled], assembling: Assembling
    ) -> tuple[Sequence[Assembled], Sequence[Proof] | None]:
        """Hold back what must not be published, where somebody is there to say so."""
        if self._options.judge is None:
            return done, None
        # What is loaded must have its name; until it is published, nobody else looks for it.
        self._landing.place(frozenset().union(*(one.arrived for one in done)))
        judge = functools.partial(self._options.judge, self._mirror)
        return assembling.judged(plans, done, judge)

    def _publish(
        self, after: Holdings, proofs: Sequence[Proof] | None
    ) -> tuple[Published | None, bool]:
        with self._desk.publishing():  # holds, and what is quarantined, may have come since
            before = self._mirror.publications.find_current()
            try:
                published = publish(
                    self._mirror, after, self._settings.modes, self._known_with(proofs)
                )
            except RefusedError:
                if self._mirror.publications.is_held():
                    return None, True
                raise
            if current := self._mirror.publications.current():
                self._index.follow(current)
            if published:
                audit.append(self._state, Change("sync", before, published.digest))
        return published, False

    def _known_with(self, proofs: Sequence[Proof] | None) -> Evidence | None:
        """Return what is known by now, for pins may have come since, with what was proved."""
        if proofs is None:
            return None
        serving = self._mirror.find_serving()
        known = self._mirror.evidence(serving.publication) if serving else Evidence()
        return with_proofs(known, proofs)


def _reports(done: Iterable[Assembled]) -> tuple[UnitReport, ...]:
    return tuple(chain.from_iterable(one.reports for one in done))


def _by_source(holdings: Holdings) -> Mapping[str, Mapping[str, Unit]]:
    """Return the units of each source by their names."""
    found: defaultdict[str, dict[str, Unit]] = defaultdict(dict)
    for unit in holdings.units:
        found[unit.source][unit.name] = unit
    return found
