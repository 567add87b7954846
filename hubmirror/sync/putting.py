"""Takes in a file that a person fetched by hand: behind a licence gate, or from a dead host."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

from hubmirror import files, urls
from hubmirror.errors import InvalidInputError, NotFoundError, VerificationError
from hubmirror.index import Arrival
from hubmirror.records import BlobRef, Digest
from hubmirror.settings import Settings
from hubmirror.sync.landing import Landing
from hubmirror.sync.writing import writing
from hubmirror.upstream import refusals
from hubmirror.writer import Turn

_TURN = Turn("put")


def put(
    url: str, source: Path, sha256: Digest | None, settings: Settings, turn: Turn = _TURN
) -> BlobRef:
    """Let a file's bytes stand for a URL, until a sync of a manifest that wants it takes them.

    Raises:
        VerificationError: when the bytes are not what the digest, or the URL's name, says.
        NotFoundError: when there is no such file.
        LockedError: when a sync of this mirror is at work.
    """
    if urls.redact(url) != url or "://" not in url:
        raise InvalidInputError(
            f"{urls.redact(url)}: not a URL that can be stored",
            hint="give it as the manifest has it: whole, without login or signature",
        )
    with writing(settings, turn) as place:
        landing = Landing(place.mirror, settings.modes)
        with _opened(source) as given, landing.staged() as (stream, path):
            blob = _copy(given, stream, source)
            files.sync_file(stream)
            _check(url, source, blob.digest, sha256)
            landing.keep(path, blob.digest)
        files.sync_folder(place.mirror.incoming)
        place.index.put(Arrival(url, blob.digest, blob.size_bytes, redirect="", etag=""))
    return blob


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(f"{path}: {error.strerror}") from error


def _copy(given: IO[bytes], stream: IO[bytes], source: Path) -> BlobRef:
    summary, size = hashlib.sha256(), 0
    while piece := given.read(files.CHUNK_BYTES):
        if size == 0:
            refusals.refuse_page(piece, str(source))
        summary.update(piece)
        stream.write(piece)
        size += len(piece)
    if size == 0:
        raise VerificationError(f"{source}: the file is empty (0 bytes)")
    return BlobRef(Digest(summary.hexdigest()), size)


def _check(url: str, source: Path, got: Digest, sha256: Digest | None) -> None:
    if sha256 and got != sha256:
        raise VerificationError(f"{source}: expected sha256 {sha256}, got {got}")
    if not sha256 and urls.name_contradicts(url, got.hex):
        raise VerificationError(
            f"{source}: the URL's name says sha256 {urls.name_hash(url)}..., got {got}",
            hint=f"if the name carries no hash, or a wrong one, add --sha256 {got}",
        )
