"""What ``verify`` finds, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubmirror.records import Digest


class Fault(StrEnum):
    """How something is not as it was promised.

    ``truncated`` is shorter than it should be; ``corrupt`` has other bytes, or more of them;
    ``unreadable`` could not be read, so nothing is known of its bytes.
    """

    MISSING = "missing"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that is not as it was promised.

    Attributes:
        fault: In which way.
        path: The file.
        detail: What was expected, and what is there.
        digest: The blob or publication; None for any other file.
        needed_by: Who relies on it: URLs, repos at a commit, publications.
    """

    fault: Fault
    path: str
    detail: str
    digest: Digest | None = None
    needed_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        needed = f"; needed by {', '.join(self.needed_by)}" if self.needed_by else ""
        return f"{self.path}: {self.fault}: {self.detail}{needed}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What ``verify`` found.

    Attributes:
        checked: How many blobs are promised; all were looked for, with their sizes.
        size_bytes: The sum of their sizes.
        hashed: How many of them were read and hashed this time.
        hashed_bytes: The sum of their sizes.
        findings: What is not as it was promised.
        unreferenced: Blobs that no kept publication names; harmless.
        leftovers: Files of an interrupted writer; the next sync removes them.
        oldest_read_at: When the blob was read that was not for longest, in seconds since 1970;
            None where that is not known of every blob.
    """

    checked: int
    size_bytes: int
    hashed: int
    hashed_bytes: int
    findings: tuple[Finding, ...]
    unreferenced: tuple[Digest, ...]
    leftovers: tuple[str, ...]
    oldest_read_at: int | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """One line for each finding."""
        return tuple(map(str, self.findings))
