"""``audit.jsonl``: a line for each change of what readers see, or of what is kept for them.

Owns: that file in the writer's state. It only grows; taking old lines out is its admin's.
Invariant: a line is whole or was torn by a crash; no line holds an address or a secret. A
change whose line a kill prevented is noticed by the next one, which says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubmirror import files
from hubmirror.layout import StateLayout
from hubmirror.records import Digest

_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Change:
    """What a writer changed.

    Attributes:
        verb: The command.
        before: What readers saw; None before the first publication.
        after: What they see now.
        details: What more there is to say: counts, a reason, names; never an address.
    """

    verb: str
    before: Digest | None
    after: Digest | None
    details: Mapping[str, str | int] = field(default_factory=dict)


def append(state: StateLayout, change: Change) -> None:
    """Write a change down, durably; call it under the lock that the change was made under."""
    last = _last(state.audit)
    before = change.before.hex if change.before else None
    if last and last.get("after") != before:  # a kill came between that change and its line
        missed = {"verb": "unrecorded", "before": last.get("after"), "after": before}
        files.append(_line(missed), state.audit)
    after = change.after.hex if change.after else None
    fields = {"verb": change.verb, "before": before, "after": after, **change.details}
    files.append(_line(fields), state.audit)


def was_held(state: StateLayout) -> bool:
    """Tell whether the last rollback has seen no release yet, as far as this is written down."""
    verbs = (line.get("verb") for line in _lines(state.audit))
    return next((verb for verb in verbs if verb in {"rollback", "release"}), "") == "rollback"


def _line(fields: Mapping[str, object]) -> bytes:
    uid = os.getuid()
    who = {"uid": uid, "user": _user(uid), "host": socket.gethostname()}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"at": at, **who, **fields}).encode()


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _last(path: Path) -> Mapping[str, Any] | None:  # JSON
    """Return the last line that is whole, if there is one near the end."""
    return next(_lines(path, most_bytes=_TAIL_BYTES), None)


def _lines(path: Path, *, most_bytes: int = 1 << 62) -> Iterator[Mapping[str, Any]]:  # JSON
    """Go through the lines near the end that are whole, the last one first."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(path.stat().st_size - most_bytes, 0))
            lines = stream.read().splitlines()
    except FileNotFoundError:
        return
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            fields = json.loads(line)
            if isinstance(fields, dict):
                yield fields
