"""How a trace is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hubmirror.writer import Turn

_TURN = Turn("trace")


@dataclass(frozen=True, slots=True)
class Options:
    """How a trace is run.

    Attributes:
        manifest: Says what is known already: addresses, digests, choices; None for nothing.
        edit: Whether what was seen is written into the manifest, and its lock beside it.
        lock_dir: Where locks are kept; None for beside each manifest.
        call: A file whose ``call(model)`` is run after each load.
        jobs: How many calls run at once.
        timeout_s: When a call is killed.
        turn: How it asks for its turn to write.
        notify: Told of each thing that is done, in one line.
        address_of: Where a URL or repo is really asked for; a test's stand-in for the internet.
    """

    manifest: Path | None = None
    edit: bool = False
    lock_dir: Path | None = None
    call: Path | None = None
    jobs: int = 1
    timeout_s: float = 3600
    turn: Turn = _TURN
    notify: Callable[[str], None] = lambda _: None
    address_of: Callable[[str], str] = lambda url: url
