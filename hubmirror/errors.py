"""Every deliberate error of hubmirror: a message, the reader's next step, an exit code.

The tree is ordered by who must act: the author of a manifest, the person who watches a
sync, the person at the offline node. Imports nothing of the project. A message says which
thing, where, expected and got; ``hint`` is the next action or is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from urllib.error import URLError


class ExitCode(IntEnum):
    """What ``hubmirror`` tells its caller; stable, see docs/exit-codes.md."""

    OK = 0
    BUG = 1
    USAGE = 2
    INCOMPLETE = 3
    VERIFICATION = 4
    NOT_FOUND = 5
    REFUSED = 6
    INVALID = 65
    UPSTREAM = 69
    STORAGE = 74
    LOCKED = 75
    INTERRUPTED = 130


class HubmirrorError(Exception):
    """The base of every deliberate error.

    Attributes:
        message: What happened: the thing, the place, expected and got.
        hint: What the reader can do next; empty when nothing is known.
        exit_code: How the command line ends when nobody catches it.
    """

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


@dataclass(frozen=True, order=True, slots=True)
class Fault:
    """One thing wrong with a text that a person wrote.

    Attributes:
        file: The file as its author named it.
        line: Counted from 1; 0 when the fault belongs to no line.
        column: Counted from 1; 0 when the fault belongs to no column.
        message: What is wrong: expected and got.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}"


class UsageError(HubmirrorError):
    """Words on a command line that no command understands."""

    exit_code = ExitCode.USAGE


class InvalidInputError(HubmirrorError):
    """A manifest, lock, setting or value that cannot be meant; all faults come at once."""

    exit_code = ExitCode.INVALID

    def __init__(self, message: str, *, hint: str = "", faults: Sequence[Fault] = ()) -> None:
        lines = [message, *(str(fault) for fault in sorted(faults))]
        super().__init__("\n".join(line for line in lines if line), hint=hint)
        self.faults = tuple(sorted(faults))


class NotFoundError(HubmirrorError):
    """Something was asked for that the mirror does not hold, or there is no mirror."""

    exit_code = ExitCode.NOT_FOUND


class NotMirroredError(NotFoundError, RuntimeError):
    """A repo, ref or entrypoint that the publication does not hold.

    Also a ``RuntimeError``, which is what torch.hub raises in its place.

    Attributes:
        wanted: The URL, or ``owner/name:ref``, that a manifest could name; else empty.
    """

    def __init__(self, message: str, *, hint: str = "", wanted: str = "") -> None:
        super().__init__(message, hint=hint)
        self.wanted = wanted


class OfflineMissError(NotMirroredError, URLError, ConnectionError):
    """Code asked the network for something that the mirror does not hold.

    Also a ``URLError`` and a ``ConnectionError``, so that the fallbacks which hub repos
    write for a network that is down work as their authors meant.
    """

    def __init__(self, message: str, *, hint: str = "", wanted: str = "") -> None:
        super().__init__(message, hint=hint, wanted=wanted)
        self.reason = message


class MissingDependencyError(HubmirrorError, RuntimeError):
    """A repo needs Python packages, or versions, which this environment does not have."""

    exit_code = ExitCode.NOT_FOUND


class VerificationError(HubmirrorError):
    """Bytes that are not what their name, or somebody's signature, says."""

    exit_code = ExitCode.VERIFICATION


class FormatError(VerificationError):
    """A mirror or file in a format that this version cannot read; nothing was changed."""


class RefusedError(HubmirrorError):
    """A policy says no: drift, a contradiction between sources, a mirror on hold."""

    exit_code = ExitCode.REFUSED


class UpstreamError(HubmirrorError):
    """An upstream did not give what was asked of it.

    Attributes:
        unreachable: True when no answer came at all, False when the answer was no.
    """

    exit_code = ExitCode.UPSTREAM

    def __init__(self, message: str, *, hint: str = "", unreachable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.unreachable = unreachable


class GoneError(UpstreamError):
    """An upstream says that what it had is not there, or not for whoever asks."""


class StorageError(HubmirrorError):
    """A file or folder that cannot be read or written as it must be."""

    exit_code = ExitCode.STORAGE


class LockedError(HubmirrorError):
    """Another writer is at work; the same command later will do."""

    exit_code = ExitCode.LOCKED


MALFORMED = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
    InvalidInputError,
)
"""What comes of fields in a stranger's JSON that are of other kinds, sizes or depths than meant."""
