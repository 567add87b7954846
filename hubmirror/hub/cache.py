"""The reader's private folder on this node: views, and which blobs were hashed.

Owns: the choice of the folder. Nothing in it is needed: whoever deletes it loses time only.
Invariant: nobody else can write into it, for code is run from there.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import shutil
import tempfile
import threading
from pathlib import Path

from hubmirror.errors import StorageError
from hubmirror.hub.notices import warn_once
from hubmirror.settings import Settings

_log = logging.getLogger(__name__)
_making = threading.Lock()


def open_cache(settings: Settings) -> Path:
    """Return this node's private cache folder, made if need be.

    ``HUBMIRROR_CACHE``, else ``hubmirror`` in the user's own cache folder. Where that cannot be
    written, or where others could write, and where there is no home: a temporary folder that
    is gone when this process ends. The password database is never asked for a home.

    Raises:
        StorageError: when not even a temporary folder can be made.
    """
    folder = chosen_folder(settings)
    if folder:
        trouble = trouble_with(folder)
        if not trouble:
            return folder
        warn_once(
            _log, "%s: not used as cache, a temporary folder serves instead: %s", folder, trouble
        )
    with _making:
        return _temporary_folder()


def chosen_folder(settings: Settings) -> Path | None:
    """Return where the cache belongs, or None where there is no such place."""
    chosen = settings.cache or (settings.cache_home and f"{settings.cache_home}/hubmirror")
    return Path(chosen).expanduser().absolute() if chosen else None


def trouble_with(folder: Path) -> str:
    """Return why a folder cannot be the cache, or nothing; a missing one is made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.geteuid():
            return f"it belongs to user {found.st_uid}"
        if found.st_mode & 0o022:
            return f"others may write into it (mode {found.st_mode & 0o777:04o})"
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


@functools.cache
def _temporary_folder() -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="hubmirror-"))
    except OSError as error:
        raise StorageError(
            f"no temporary folder can be made: {error.strerror}",
            hint="set HUBMIRROR_CACHE to a folder of your own on this node",
        ) from error
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves by the same door
        shutil.rmtree(folder, ignore_errors=True)
