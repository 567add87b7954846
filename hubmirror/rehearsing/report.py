"""What a rehearsal found, as a value that a person, a monitor or a test can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror.errors import ExitCode
from hubmirror.proofs import Standing, State
from hubmirror.records import Digest
from hubmirror.rehearsing.verdicts import Ruling


@dataclass(frozen=True, slots=True)
class Outcome:
    """One entrypoint at one ref.

    Attributes:
        standing: Which; and how it stands now.
        ruling: What its load proved; of one that was skipped, that it is proved.
        skipped: True where it was proved with this torch already.
        output: The end of what its code said, where it failed.
        protections: What held its child; empty where it was skipped.
    """

    standing: Standing
    ruling: Ruling
    skipped: bool = False
    output: str = ""
    protections: str = ""


@dataclass(frozen=True, slots=True)
class RehearsalReport:
    """A whole run.

    Attributes:
        publication: What was rehearsed.
        torch: The version that it was rehearsed with, or empty where nothing had to be.
        outcomes: Every declared entrypoint at every ref.
        recorded: The publication that has the proofs now; None where there was none to add.
        unrecorded: Why the proofs were not recorded; empty where they were.
    """

    publication: Digest
    torch: str
    outcomes: tuple[Outcome, ...]
    recorded: Digest | None = None
    unrecorded: str = ""

    def count(self, state: State) -> int:
        """Return how many entrypoints stand so."""
        return sum(one.ruling.state is state for one in self.outcomes)

    def exit_code(self) -> ExitCode:
        """Return what a monitor is told."""
        is_whole = self.count(State.PROVED) == len(self.outcomes)
        return ExitCode.OK if is_whole else ExitCode.INCOMPLETE


def describe(one: Outcome) -> Iterator[str]:
    """Say in lines how an entrypoint stands, why, and what to do: for people."""
    ruling = one.ruling
    yield f"{ruling.state}: {one.standing.title}{f': {ruling.reason}' if ruling.reason else ''}"
    for miss in ruling.missed:
        yield f"  {miss.wanted or miss.message}"
        yield f"    asked for at {miss.place or 'no line of a repo'}"
        yield from (f"    {line}" for line in miss.hint.splitlines())
    yield from (f"  {line}" for line in ruling.hint.splitlines())
