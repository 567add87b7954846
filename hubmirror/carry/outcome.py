"""What became of an import: of each bundle, and of all that was brought.

Owns: which exit code follows. Values only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hubmirror.carry.format import Root
from hubmirror.carry.offers import PartFault
from hubmirror.errors import ExitCode
from hubmirror.publications import Publication
from hubmirror.records import BlobRef


class Outcome(StrEnum):
    """What became of one bundle."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    PASSED_OVER = "passed-over"
    INCOMPLETE = "incomplete"
    DAMAGED = "damaged"
    NO_ROOM = "no-room"
    REFUSED = "refused"


_CODES = {
    Outcome.PUBLISHED: ExitCode.OK,
    Outcome.UNCHANGED: ExitCode.OK,
    Outcome.PASSED_OVER: ExitCode.OK,
    Outcome.INCOMPLETE: ExitCode.INCOMPLETE,
    Outcome.NO_ROOM: ExitCode.STORAGE,
    Outcome.REFUSED: ExitCode.REFUSED,
    Outcome.DAMAGED: ExitCode.VERIFICATION,
}
_WORST_FIRST = (
    ExitCode.VERIFICATION,
    ExitCode.REFUSED,
    ExitCode.STORAGE,
    ExitCode.INCOMPLETE,
)


@dataclass(frozen=True, slots=True)
class Lacking:
    """Blobs that a bundle relies on and that the mirror does not have.

    Attributes:
        count: How many.
        size_bytes: The sum of their sizes.
        first: The first few of them.
    """

    count: int = 0
    size_bytes: int = 0
    first: tuple[BlobRef, ...] = ()


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What became of one bundle.

    Attributes:
        root: What the bundle says of itself.
        publication: What it carries.
        outcome: How it ended; with ``check``, how it would end.
        arrived: The numbers of the parts of which all is in the mirror now.
        count: How many blobs and segments were new.
        size_bytes: The sum of their sizes.
        faults: Files that are damaged, and whose part has not arrived by another file.
        lacking: What the bundle relies on and is not there.
        reason: Why it was refused or passed over, or does not fit; empty otherwise.
        hint: What can be done about that.
        warnings: What its signatures leave to be desired.
        signer: Who signed it, where that is known.
    """

    root: Root
    publication: Publication
    outcome: Outcome
    arrived: frozenset[int] = frozenset()
    count: int = 0
    size_bytes: int = 0
    faults: tuple[PartFault, ...] = ()
    lacking: Lacking = Lacking()
    reason: str = ""
    hint: str = ""
    warnings: tuple[str, ...] = ()
    signer: str = ""

    def missing(self) -> tuple[int, ...]:
        """Return the numbers of the parts that have not arrived."""
        if self.outcome not in (Outcome.INCOMPLETE, Outcome.DAMAGED):
            return ()
        numbers = range(1, len(self.root.parts) + 1)
        return tuple(number for number in numbers if number not in self.arrived)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of all that was brought.

    Attributes:
        bundles: Each bundle, in the order in which they were taken in.
        faults: Files of which not even the bundle is known.
        refused: Why files were kept out by the policy for signatures: message and hint.
        ignored: Files that have nothing to do with bundles.
        is_check: True where nothing was changed.
    """

    bundles: tuple[BundleReport, ...]
    faults: tuple[PartFault, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    ignored: tuple[Path, ...] = ()
    is_check: bool = False

    def exit_code(self) -> ExitCode:
        """Damage outranks a refusal, that a lack of room, that what has not arrived yet."""
        found = {_CODES[bundle.outcome] for bundle in self.bundles}
        if self.faults:
            found.add(ExitCode.VERIFICATION)
        if self.refused:
            found.add(ExitCode.REFUSED)
        return next((code for code in _WORST_FIRST if code in found), ExitCode.OK)
