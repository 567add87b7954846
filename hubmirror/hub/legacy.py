"""Weights from before torch 1.6: one file inside a zip archive.

Owns: ``unpacked/`` in the cache. torch.hub unpacks these beside the archive at every load; a
mirror may be read-only, and once is enough.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from hubmirror import files
from hubmirror.errors import StorageError, VerificationError
from hubmirror.records import Digest


def inner_file(archive: Path, digest: Digest, cache: Path) -> Path:
    """Return the unpacked file of an archive whose bytes were checked.

    Raises:
        VerificationError: when the archive is damaged in spite of its digest.
        StorageError: when the cache cannot hold the file.
    """
    final = cache / "unpacked" / digest.hex
    if final.exists():
        return final
    try:
        final.parent.mkdir(mode=0o700, exist_ok=True)
        with files.staged(final.parent) as (stream, path):
            with zipfile.ZipFile(archive) as opened:
                (member,) = opened.infolist()
                with opened.open(member) as content:
                    shutil.copyfileobj(content, stream, files.CHUNK_BYTES)
            stream.flush()
            files.place(path, final, mode=0o600, folder_mode=0o700)
    except zipfile.BadZipFile as error:
        raise VerificationError(f"{archive}: a damaged zip archive: {error}") from error
    except OSError as error:
        raise StorageError(
            f"{final}: cannot be unpacked: {error}",
            hint="HUBMIRROR_CACHE names another folder for it",
        ) from error
    return final
