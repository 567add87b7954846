"""``writer.json``: whose host writes here, whether publishing is on hold, and what is retired.

Owns: the bytes of that file. It changes by rename only, under the short lock of a writer.
Readers need nothing of it; a mirror without one has no writer yet.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubmirror import files, layout
from hubmirror.errors import InvalidInputError, VerificationError
from hubmirror.records import Digest

_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine: what tells it from all others, and its name for people."""

    id: str
    name: str

    @classmethod
    def this(cls, machine_id: Path = _MACHINE_ID) -> Host:
        """Return this machine; without a machine id, as in some containers, its name is all.

        The id is hashed: it is a secret of the machine, and a mirror is carried about.
        """
        name = socket.gethostname()
        try:
            told = machine_id.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            told = ""
        return cls(hashlib.sha256(f"hubmirror {told or name}".encode()).hexdigest()[:32], name)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is published: somebody went back to an older publication.

    ``since`` is UTC, ISO 8601; all of it may be empty where a person wrote the file.
    """

    since: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WriterFile:
    """What the writers of a mirror tell each other.

    Attributes:
        host: The one host that writes; None before the first writer.
        held: Set while nothing is to be published.
        retired: Publications that will be removed, and since when readers can know.
    """

    host: Host | None = None
    held: Hold | None = None
    retired: Mapping[Digest, str] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> WriterFile:
        """Read a mirror's file; empty where there is none.

        Raises:
            VerificationError: when it cannot be understood.
        """
        path = root / layout.WRITER
        try:
            fields = json.loads(path.read_bytes())
            return cls(
                host=_host(fields.get("host")),
                held=_hold(fields.get("held")),
                retired={Digest.parse(k): str(v) for k, v in fields.get("retired", {}).items()},
            )
        except FileNotFoundError:
            return cls()
        except (ValueError, LookupError, TypeError, AttributeError, InvalidInputError) as error:
            raise VerificationError(
                f"{path}: not a writer's file: {error}",
                hint="remove it if publishing is not on hold: the next writer makes a new one",
            ) from error

    def write(self, root: Path, modes: files.Modes) -> None:
        """Replace a mirror's file."""
        fields = {
            "host": {"id": self.host.id, "name": self.host.name} if self.host else None,
            "held": {"since": self.held.since, "reason": self.held.reason} if self.held else None,
            "retired": {digest.hex: since for digest, since in self.retired.items()},
        }
        content = json.dumps(fields, sort_keys=True, indent=1).encode() + b"\n"
        staging = root / layout.INCOMING
        files.write(content, root / layout.WRITER, staging=staging, modes=modes)


def _host(fields: Any) -> Host | None:  # JSON
    return Host(str(fields["id"]), str(fields["name"])) if fields else None


def _hold(fields: Any) -> Hold | None:  # JSON; `true` is what a person writes
    if not fields:
        return None
    if fields is True:
        return Hold()
    return Hold(str(fields["since"]), str(fields["reason"]))
