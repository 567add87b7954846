"""What a trace did, as a value that a person, a monitor or a test can read."""

from __future__ import annotations

from dataclasses import dataclass

from hubmirror.errors import ExitCode
from hubmirror.tracing.traces import Trace


@dataclass(frozen=True, slots=True)
class TraceReport:
    """A whole run.

    Attributes:
        traces: In the order of their targets.
        lines: What the manifest lacks of what was seen, as YAML; empty where that is nothing.
        manifest: The manifest that was written to; empty where none was.
        lock: The lock that was written; empty where none was.
    """

    traces: tuple[Trace, ...]
    lines: str
    manifest: str = ""
    lock: str = ""

    def exit_code(self) -> ExitCode:
        """Return what a monitor is told: a trace that may not be all is not success."""
        is_whole = all(not trace.reasons() for trace in self.traces)
        return ExitCode.OK if is_whole else ExitCode.INCOMPLETE
