"""Mends what a mirror is opened by: its marker, and ``writer.json``.

Only under locks of its own, before those of a writer: a writer cannot open a mirror without.
Invariant: a mirror is never given another id than the one that it had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from hubmirror import audit, files, layout
from hubmirror.errors import FormatError, NotFoundError, VerificationError
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror, encode_marker
from hubmirror.publications import Publications
from hubmirror.repair.report import Mended
from hubmirror.settings import Settings
from hubmirror.state import find_owner, find_state, mend_owner
from hubmirror.writer import Turn
from hubmirror.writer_file import Hold, WriterFile


def mend_doors(settings: Settings, turn: Turn, warnings: list[str]) -> Iterator[Mended]:
    """Mend the marker and ``writer.json`` where they are missing or torn.

    Raises:
        NotFoundError: when there is no mirror, and never was.
        FormatError: when the mirror needs a newer hubmirror.
        VerificationError: when nobody knows which mirror it is.
    """
    root = settings.require_mirror().absolute()
    if marker_fault(root) is None and not _is_torn(root):
        return
    incoming = root / layout.INCOMING
    files.ensure_folder(incoming, 0o700)
    with (
        files.exclusive(incoming / layout.LOCK, turn.verb, wait_s=turn.wait_s),
        files.exclusive(incoming / layout.PUBLISH_LOCK, turn.verb, wait_s=turn.wait_s),
    ):
        if (fault := marker_fault(root)) is not None:
            mirror_id, source = _find_id(root, settings, fault)
            content = encode_marker(mirror_id)
            files.write(content, root / layout.MARKER, staging=incoming, modes=settings.modes)
            yield Mended(str(root / layout.MARKER), source)
        if _is_torn(root):
            yield _replace_writer_file(root, settings, warnings)


def mend_state(settings: Settings) -> Iterator[Mended]:
    """Let the state folder say again which mirror it serves, where what it says is no id."""
    with Mirror.open(settings.require_mirror()) as mirror:
        if (path := mend_owner(settings, mirror.id)) is not None:
            yield Mended(str(path), str(mirror.root / layout.MARKER))


def marker_fault(root: Path) -> VerificationError | None:
    """Return what is wrong with the marker of what was a mirror.

    Raises:
        NotFoundError: when there is no mirror, and never was.
        FormatError: when the mirror needs a newer hubmirror.
    """
    try:
        Mirror.open(root).close()
    except FormatError:
        raise
    except VerificationError as error:
        return error
    except NotFoundError:
        if not (root / layout.PUBLICATIONS).is_dir():
            raise
        return VerificationError(f"{root / layout.MARKER}: missing")
    return None


def _is_torn(root: Path) -> bool:
    try:
        WriterFile.read(root)
    except VerificationError:
        return True
    return False


def _find_id(root: Path, settings: Settings, fault: VerificationError) -> tuple[str, str]:
    """Return the mirror's id, and who knew it: a state folder knows which mirror it serves."""
    if owner := find_owner(settings):
        return owner, str(StateLayout(Path(settings.state)).owner)
    for _, publication in Publications(root).sound():
        if state := find_state(settings, publication.origin):
            return publication.origin, str(state.owner)
    raise VerificationError(
        f"{fault.message}; no state folder says which mirror this is",
        hint=f"name the writer's: --state DIR; or bring {layout.MARKER} back from a backup of "
        "this very mirror (a replica has an id of its own)",
    )


def _replace_writer_file(root: Path, settings: Settings, warnings: list[str]) -> Mended:
    path = root / layout.WRITER
    fields = json.loads((root / layout.MARKER).read_bytes())
    state = find_state(settings, str(fields["id"]))
    is_held = state is not None and audit.was_held(state)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    hold = Hold(since, "the audit log says so; what was written here was damaged")
    WriterFile(held=hold if is_held else None).write(root, settings.modes)
    warnings.append(
        f"{path}: it was damaged, and what it said is lost: which host writes, since when "
        "publications are retired (a prune retires them anew)"
        + ("" if state else ", and whether publishing was on hold")
    )
    return Mended(str(path), str(state.audit) if state else "nothing: it is empty now")
