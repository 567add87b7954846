"""Takes bundles into a mirror, and lets readers see what they carry once all of it is there.

The order of an import: the heads of all files; may this follow what the mirror has; is there
room; the blobs, part by part; what the bundle relies on; the catalog; and last the publication
and ``current.json``. A step that fails leaves what the steps before it brought.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hubmirror import files
from hubmirror.carry.arriving import Intake, find_lacking, needed_bytes, take_parts
from hubmirror.carry.checking import Inspection
from hubmirror.carry.finding import find_parts
from hubmirror.carry.format import Amount
from hubmirror.carry.offers import Offer, Offers, read_offers
from hubmirror.carry.outcome import BundleReport, ImportReport, Outcome
from hubmirror.carry.placing import (
    check_whole,
    is_served,
    kept_by,
    publish_arrived,
    refuse_while_held,
    sweep,
)
from hubmirror.carry.receiving import Advance, Reception
from hubmirror.carry.succession import Kept, refuse_foreign, refuse_fork, refuse_older
from hubmirror.errors import NotFoundError, RefusedError, VerificationError
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef
from hubmirror.settings import Settings
from hubmirror.writer import Desk, Turn, writing

_log = logging.getLogger(__name__)
_MARGIN_BYTES = 64 * 1024 * 1024
_TURN = Turn("import")


def _ignore(_done: int, _total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    Attributes:
        allow_rollback: Take what is older than what the mirror has.
        check: Change nothing, and read every part fully.
        turn: How it waits for another writer.
        notify: Called with a line for each part that was dealt with.
        watch: Called with how many bytes of how many are done, often.
    """

    allow_rollback: bool = False
    check: bool = False
    turn: Turn = _TURN
    notify: Callable[[str], None] = _log.info
    watch: Callable[[int, int], None] = _ignore


def import_bundles(
    named: Iterable[Path], settings: Settings, options: ImportOptions
) -> ImportReport:
    """Take in what is new in these files and folders; what is wrong is in the report.

    Raises:
        NotFoundError: when something named is not there, or a folder holds no part.
        LockedError: when another writer is at work.
        StorageError: when the mirror or its state cannot be this user's to write.
        OSError: when the mirror cannot be written.
    """
    found = find_parts(named)
    offers = read_offers(found.parts, settings)
    reports: list[BundleReport] = []
    if offers.bundles:  # otherwise nothing is touched, and no mirror made
        with _open(settings, options) as place:
            work = _Work(place, offers, settings, options)
            reports = [work.take_in(offer) for offer in offers.bundles]
    return ImportReport(
        bundles=_without_outdone(reports),
        faults=tuple(offers.faults),
        refused=tuple((one.message, one.hint) for one in offers.refused),
        ignored=found.ignored,
        is_check=options.check,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an import goes: a desk to write at, or a mirror to look at, where there is one."""

    mirror: Mirror | None
    desk: Desk | None = None


@contextlib.contextmanager
def _open(settings: Settings, options: ImportOptions) -> Iterator[_Place]:
    if not options.check:
        with writing(settings, options.turn) as desk:
            with desk.publishing():  # a quarantine may be writing its own
                desk.mirror.clear_staged()
            yield _Place(desk.mirror, desk)
        return
    root = settings.require_mirror().absolute()
    try:
        opened = Mirror.open(root)
    except NotFoundError:
        yield _Place(None)
        return
    with opened:
        yield _Place(opened)


def _without_outdone(reports: list[BundleReport]) -> tuple[BundleReport, ...]:
    """Let no bundle count as incomplete whose successor is in."""
    done = (Outcome.PUBLISHED, Outcome.UNCHANGED)
    newest: dict[str, int] = {}
    for report in reports:
        if report.outcome in done:
            newest[report.root.origin] = report.root.sequence
    return tuple(
        replace(report, outcome=Outcome.PASSED_OVER, reason="a newer bundle beside it is whole")
        if report.outcome is Outcome.INCOMPLETE
        and report.root.sequence < newest.get(report.root.origin, 0)
        else report
        for report in reports
    )


class _Work:
    """One import: the mirror, what was brought, and how it is to be dealt with."""

    def __init__(
        self, place: _Place, offers: Offers, settings: Settings, options: ImportOptions
    ) -> None:
        self._mirror = place.mirror
        self._desk = place.desk
        self._offers = offers
        self._settings = settings
        self._options = options

    def take_in(self, offer: Offer) -> BundleReport:
        """Take in one bundle as far as it goes."""
        before = self._judge(offer)
        if before and not self._options.check:
            return before
        intake = self._intake(offer)
        full = self._room_fault(offer, intake)
        if full and not self._options.check:
            return replace(_report(offer), outcome=Outcome.NO_ROOM, reason=full)
        arrival = take_parts(offer, intake, notify=self._options.notify, advance=self._progress())
        report = replace(
            before or _report(offer),
            arrived=intake.arrived(),
            count=arrival.count,
            size_bytes=arrival.size_bytes,
            faults=arrival.faults,
            lacking=find_lacking(intake, self._has),
        )
        if report.faults:
            return replace(report, outcome=Outcome.DAMAGED)
        if full:
            return replace(report, outcome=Outcome.NO_ROOM, reason=full)
        if before or report.lacking.count or len(report.arrived) < len(offer.root.parts):
            return report
        return self._finish(offer, intake, report)

    def _progress(self) -> Advance:
        offered = (one.path for offer in self._offers.bundles for one in offer.parts)
        total = sum(path.stat().st_size for path in offered if path.exists())
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self._options.watch(done, total)

        return advance

    def _judge(self, offer: Offer) -> BundleReport | None:
        """Say how it ends where that is known before a blob is looked at."""
        report = _report(offer)
        kept = self._kept()
        if self._mirror and is_served(self._mirror, offer):
            if self._desk:
                sweep(self._mirror, offer)
            return replace(report, outcome=Outcome.UNCHANGED)
        if self._is_stepping_stone(offer, kept):
            reason = "older than what the mirror has; a newer bundle lies beside it"
            return replace(report, outcome=Outcome.PASSED_OVER, reason=reason)
        try:
            self._refuse_two_origins(kept)
            self._refuse_succession(offer, kept)
        except RefusedError as error:
            return _refused(report, error)
        return None

    def _kept(self) -> Kept:
        return kept_by(self._mirror) if self._mirror else Kept(None, ())

    def _refuse_succession(self, offer: Offer, kept: Kept) -> None:
        refuse_fork(kept, offer.root.publication, offer.publication)
        refuse_foreign(kept, offer.publication)
        refuse_older(kept, offer.publication, allow_rollback=self._options.allow_rollback)

    def _is_stepping_stone(self, offer: Offer, kept: Kept) -> bool:
        """Tell whether it only leads to what the mirror has, and to another bundle after that."""
        newest = kept.newest(offer.root.origin)
        if newest is None or newest.sequence <= offer.root.sequence:
            return False
        roots = (one.root for one in self._offers.bundles)
        return not self._options.allow_rollback and any(
            one.origin == offer.root.origin and one.sequence >= newest.sequence for one in roots
        )

    def _refuse_two_origins(self, kept: Kept) -> None:
        origins = sorted({one.root.origin for one in self._offers.bundles})
        if kept.current is None and len(origins) > 1:
            raise RefusedError(
                f"bundles of {len(origins)} origins, and the mirror follows none yet: "
                f"{', '.join(origins)}",
                hint="a mirror follows one origin: name the parts of one of them, and give the "
                "others mirrors of their own (--mirror DIR)",
            )

    def _intake(self, offer: Offer) -> Intake:
        if self._desk:
            return Reception(self._desk.mirror, offer.root, self._settings.modes)
        return Inspection(self._mirror, offer.root)

    def _has(self, blob: BlobRef) -> bool:
        return self._mirror is not None and self._mirror.blobs.has(blob)

    def _room_fault(self, offer: Offer, intake: Intake) -> str:
        folder = self._settings.require_mirror().absolute()
        while not folder.exists():
            folder = folder.parent
        needed = needed_bytes(offer, intake)
        try:
            files.check_room(folder, needed + _MARGIN_BYTES if needed else 0)
        except OSError as error:
            return f"{folder}: {error.strerror}"
        return ""

    def _finish(self, offer: Offer, intake: Intake, report: BundleReport) -> BundleReport:
        """Publish what has arrived, or say why not."""
        try:
            _check_promise(offer, intake)
            if self._desk:
                check_whole(self._desk.mirror, offer)
                with self._desk.publishing():  # others may have published since
                    self._refuse_succession(offer, self._kept())
                    refuse_while_held(self._desk.mirror)
                    publish_arrived(self._desk, offer, self._settings.modes)
            elif self._mirror:
                refuse_while_held(self._mirror)
        except RefusedError as error:
            return _refused(report, error)
        except VerificationError as error:
            intake.start_again()
            return replace(report, outcome=Outcome.DAMAGED, reason=error.message, hint=error.hint)
        if self._desk:
            sweep(self._desk.mirror, offer)
        return replace(report, outcome=Outcome.PUBLISHED)


def _check_promise(offer: Offer, intake: Intake) -> None:
    """Hold what the parts list against what the root says that they carry together."""
    amounts = intake.carried().values()
    listed = Amount(sum(one.count for one in amounts), sum(one.size_bytes for one in amounts))
    promised = offer.root.carried
    if listed != promised:
        raise VerificationError(
            f"the root says that the bundle carries {promised.count:,} blobs of "
            f"{promised.size_bytes:,} bytes, its parts list {listed.count:,} of "
            f"{listed.size_bytes:,}",
            hint="it was made wrong, or tampered with: export it again",
        )


def _report(offer: Offer) -> BundleReport:
    return BundleReport(
        root=offer.root,
        publication=offer.publication,
        outcome=Outcome.INCOMPLETE,
        warnings=tuple(offer.warnings),
        signer=offer.signer,
    )


def _refused(report: BundleReport, error: RefusedError) -> BundleReport:
    return replace(report, outcome=Outcome.REFUSED, reason=error.message, hint=error.hint)
