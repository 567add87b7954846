"""A writer's own folder: where it is, and that locks in it can be trusted."""

from __future__ import annotations

import contextlib
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

from hubmirror import files, filesystem
from hubmirror.errors import StorageError
from hubmirror.layout import StateLayout
from hubmirror.settings import Settings


def open_state(settings: Settings, mirror: Path, mirror_id: str) -> StateLayout:
    """Return a mirror's state folder, made where it is missing.

    Raises:
        StorageError: when no folder is known for this user, when it lies in the mirror, which
            is handed to others, or on a network file system, where neither locks nor SQLite
            keep their promises.
    """
    root = _state_folder(settings, mirror_id)
    if root.resolve().is_relative_to(mirror.resolve()):
        raise StorageError(
            f"{root}: the writer's state cannot lie in the mirror, which others read",
            hint="name a folder elsewhere: --state DIR, or HUBMIRROR_STATE",
        )
    files.ensure_folder(root / "git", 0o700)
    files.ensure_folder(StateLayout(root).partial, 0o700)
    files.ensure_folder(StateLayout(root).manifests, 0o700)
    kind = filesystem.kind_of(root)
    if kind in filesystem.NETWORK:
        raise StorageError(
            f"{root}: on a network file system ({kind}), where locks cannot be trusted",
            hint="name a folder on a local disk: --state DIR, or HUBMIRROR_STATE",
        )
    state = StateLayout(root)
    _claim(state, mirror_id)
    return state


def find_state(settings: Settings, mirror_id: str) -> StateLayout | None:
    """Return a mirror's state folder where this host has one; makes nothing."""
    try:
        state = StateLayout(_state_folder(settings, mirror_id))
        owner = _read_owner(state)
    except (StorageError, OSError):
        return None
    return state if owner == mirror_id else None


def find_owner(settings: Settings) -> str:
    """Return the id of the mirror that the state folder of the settings serves, or nothing.

    Only where the settings name one: where it is otherwise follows from the id.
    """
    if not settings.state:
        return ""
    try:
        owner = _read_owner(StateLayout(_state_folder(settings, "")))
        return str(uuid.UUID(owner))
    except (OSError, ValueError):
        return ""


def mend_owner(settings: Settings, mirror_id: str) -> Path | None:
    """Let a state folder say again whom it serves, where it says what is no id; return the file.

    An id of another mirror stays: that is no damage.
    """
    try:
        state = StateLayout(_state_folder(settings, mirror_id))
        owner = _read_owner(state)
    except (StorageError, OSError):
        return None
    with contextlib.suppress(ValueError):
        uuid.UUID(owner)
        return None
    files.write(f"{mirror_id}\n".encode(), state.owner, staging=state.root, modes=files.Modes())
    return state.owner


def _read_owner(state: StateLayout) -> str:
    return state.owner.read_text(encoding="utf-8", errors="replace").strip()


def note_success(state: StateLayout) -> None:
    """Remember that a sync ended well now."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    files.write(f"{at}\n".encode(), state.last_success, staging=state.root, modes=files.Modes())


def last_success(state: StateLayout) -> str:
    """Return when a sync last ended well, in UTC and ISO 8601; empty when that is not known."""
    try:
        text = state.last_success.read_text(encoding="utf-8").strip()
        return text if datetime.fromisoformat(text).tzinfo else ""
    except (OSError, ValueError):
        return ""


def _claim(state: StateLayout, mirror_id: str) -> None:
    """One state folder serves one mirror: its index would mix two of them up."""
    try:
        owner = _read_owner(state)
    except FileNotFoundError:
        owner = ""
    if not owner:
        files.write(f"{mirror_id}\n".encode(), state.owner, staging=state.root, modes=files.Modes())
    elif owner != mirror_id:
        raise StorageError(
            f"{state.root}: holds the state of another mirror ({owner})",
            hint="give each mirror its own folder: --state DIR, or HUBMIRROR_STATE; "
            "if that mirror is gone for good, remove this one",
        )


def _state_folder(settings: Settings, mirror_id: str) -> Path:
    if settings.state:
        return Path(settings.state).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/hubmirror") / mirror_id
    if settings.state_home:
        return Path(settings.state_home).absolute() / "hubmirror" / mirror_id
    raise StorageError(
        "no folder is known for the writer's state: neither HOME nor XDG_STATE_HOME is set",
        hint="name one: --state DIR, or HUBMIRROR_STATE",
    )
