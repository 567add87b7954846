"""What ``repair`` did, as values."""

from __future__ import annotations

from dataclasses import dataclass

from hubmirror.verify import Finding


@dataclass(frozen=True, slots=True)
class Mended:
    """One file that is as it should be again.

    Attributes:
        path: The file.
        source: Where its bytes came from, or what they were made from.
    """

    path: str
    source: str


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that could not be mended, and why: what each place said that was asked."""

    finding: Finding
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What was mended, and what was not.

    Attributes:
        mended: What is sound again; of a dry run, nothing.
        left: What is not; of a dry run, all that was found.
        warnings: What was lost all the same, one sentence each.
        asked: The places that bytes may come from, in the order in which they are asked.
    """

    mended: tuple[Mended, ...]
    left: tuple[Left, ...]
    warnings: tuple[str, ...]
    asked: tuple[str, ...]
