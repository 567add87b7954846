"""What a scan found, as values; the same on every machine for the same tree.

Knows nothing of syntax trees. Invariant: each finding names a place in the repo.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubmirror.hubconf import Hubconf


class Confidence(StrEnum):
    """How sure a finding is.

    ``certain``: an entrypoint leads to this very thing, with its switches on or off and all other
    arguments left at their defaults. ``likely``: it takes another argument, of those that the
    code itself lists; or the thing is written whole in code that hubconf.py imports, and no way
    to it could be followed. ``possible``: a part of it, shown as ``{name}``, is known only when
    the code runs; or it is in a file that hubconf.py does not lead to.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Kind(StrEnum):
    """What a finding is about."""

    URL = "url"
    REPO = "repo"
    HUGGING_FACE = "hugging-face"
    PACKAGE = "package"
    COMMAND = "command"
    CONFIG = "config"
    SUBMODULE = "submodule"
    LFS = "lfs"
    UNREAD = "unread"


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """A line of the repo; 0 where the whole file is meant."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an entrypoint; ``arguments`` are those that are not its defaults, as written."""

    entrypoint: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.entrypoint}({', '.join(self.arguments)})" if self.arguments else self.entrypoint
        )

    def includes(self, other: Call) -> bool:
        """Tell whether the other call is this one with arguments left out."""
        return self.entrypoint == other.entrypoint and set(other.arguments) <= set(self.arguments)

    def leaves_open(self, other: Call) -> bool:
        """Tell whether the other call is this one with each ``...`` filled in."""
        if self.entrypoint != other.entrypoint or self.arguments == other.arguments:
            return False
        blank = {f"{argument.partition('=')[0]}=..." for argument in other.arguments}
        return set(self.arguments) <= blank.union(other.arguments)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a repo needs, or that its reader should know.

    Attributes:
        subject: The URL or pattern, the spec, the model's name, the command, the path.
        how: What asks for it: the function that downloads, or how it is written there.
        calls: The calls of entrypoints that are known to lead to it, with no more arguments
            than are needed; none where that cannot be told.
        is_aside: True for what is written in a file that hubconf.py does not lead to.
    """

    kind: Kind
    subject: str
    how: str
    place: Place
    confidence: Confidence
    calls: tuple[Call, ...] = ()
    is_aside: bool = False

    @property
    def entrypoints(self) -> tuple[str, ...]:
        """The names of the entrypoints that are known to lead to it."""
        return tuple(dict.fromkeys(call.entrypoint for call in self.calls))


@dataclass(frozen=True, slots=True)
class Scan:
    """What a repo needs, as far as reading tells.

    Attributes:
        title: The repo as it was asked for.
        url: Its git address; empty for a folder.
        ref: The ref as it was asked for; empty for the default branch, and for a folder.
        commit: Its commit; empty for a folder.
        default_branch: The name of the default branch where that is known.
        hubconf: What hubconf.py says of itself; None when it cannot be read.
        findings: Ordered by kind, confidence and place.
        licence: The licence by its SPDX name, ``unknown`` for a text that is not a well-known
            one; empty without a licence file.
        licence_file: Where it is written.
        requirements: What packaging files ask for, as they write it.
        is_bounded: True when something was left out because it would have been too much.
    """

    title: str
    url: str
    ref: str
    commit: str
    default_branch: str
    hubconf: Hubconf | None
    findings: tuple[Finding, ...]
    licence: str
    licence_file: str
    requirements: tuple[str, ...]
    is_bounded: bool
