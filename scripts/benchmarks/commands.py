"""Whole commands of hubmirror on a mirror of their own, as a user would type them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmarks.processes import PYTHON, Took, run_command

HUBMIRROR = PYTHON.with_name("hubmirror")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror with its manifest and state.

    Attributes:
        folder: Where all three are.
        variables: What its commands find in their environment.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def manifest(self) -> Path:
        """The manifest that ``sync`` reads."""
        return self.folder / "manifest.yaml"

    def sync(self) -> Took:
        """Run ``hubmirror sync``."""
        return self.run("sync", "manifest.yaml", *self.places)

    @property
    def places(self) -> Sequence[str]:
        """The options that name mirror and state."""
        return ("--mirror", "mirror", "--state", "state")

    def run(self, *arguments: str) -> Took:
        """Run a command."""
        command = [str(HUBMIRROR), *arguments]
        return run_command(command, folder=self.folder, variables=self.variables)
