"""Manifests as they were once read, so that one that did not change is not parsed again.

Owns the files in a state folder's ``manifests/``: JSON, each named by the bytes that it was
parsed from and by this version. Expands no ``${NAME}``, and keeps no manifest that has more
than such names in a ``fetch_url``: it may be a secret. Standard library only, unless a manifest
must be parsed.
Invariant: what a reader gives is what ``parse_manifest`` gives for the same bytes; a file that
is torn, or from another version, is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hubmirror import files
from hubmirror.records import Digest, RepoKey
from hubmirror.specs import (
    CheckpointSpec,
    Drift,
    EntrypointSpec,
    Lfs,
    Manifest,
    RepoSpec,
    SyncSettings,
)
from hubmirror.version import __version__

_FORMAT = 3
_MODES = files.Modes(file=0o600, folder=0o700)
_KEPT_S = 30 * 24 * 3600


class ManifestReader:
    """Reads manifests; ``keep`` writes what was parsed, for the next run.

    Args:
        folder: Where an earlier run kept what it parsed; None where nothing was kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._parsed: dict[str, Manifest] = {}
        self._found: set[str] = set()

    def read(self, path: Path) -> Manifest:
        """Return a manifest, from what was kept if the same bytes were parsed before.

        Raises:
            InvalidInputError: with all its faults, or because there is no such file.
            StorageError: when the file cannot be read.
        """
        from hubmirror.manifest.reading import parse_content, read_content

        content = read_content(path)
        name = _name(content, path)
        if kept := self._find(name, str(path)):
            self._found.add(name)
            return kept
        manifest = parse_content(content, file=str(path))
        if all(map(_may_be_kept, manifest.all_checkpoints())):
            self._parsed[name] = manifest
        return manifest

    def _find(self, name: str, file: str) -> Manifest | None:
        if self._folder is None:
            return None
        try:
            return _decode((self._folder / name).read_bytes(), file)
        except OSError:
            return None

    def keep(self, folder: Path, now: float) -> None:
        """Write what was parsed into a folder, and remove what no run read for a month."""
        for name, manifest in self._parsed.items():
            files.write(_encode(manifest), folder / name, staging=folder, modes=_MODES)
        for name in (*self._parsed, *self._found):
            os.utime(folder / name, (now, now))
        for path in folder.iterdir():
            if now - path.stat().st_mtime > _KEPT_S:
                path.unlink()


def _may_be_kept(spec: CheckpointSpec) -> bool:
    return re.fullmatch(r"(\$\{\w+\})*", spec.fetch_url) is not None


def _name(content: bytes, path: Path) -> str:
    """Name all that a manifest's meaning depends on; its file's stem may name the source."""
    version = f"{_FORMAT} {__version__} {path.stem}\n".encode(errors="surrogateescape")
    summary = hashlib.sha256(version)
    summary.update(content)
    return summary.hexdigest()


def _encode(manifest: Manifest) -> bytes:
    fields = _fields(manifest) | {"checkpoints": _columns(manifest.checkpoints)}
    text = json.dumps(fields, default=_plain, separators=(",", ":")).encode()
    return Digest.of(text).hex.encode() + b"\n" + text


def _plain(record: object) -> object:
    match record:
        case Digest():
            return record.hex
        case RepoSpec():
            return _fields(record) | {"checkpoints": _columns(record.checkpoints)}
        case _:
            return _fields(record)


def _fields(record: Any) -> dict[str, object]:  # any of our dataclasses
    return {name: getattr(record, name) for name in record.__slots__}


def _columns(specs: Iterable[CheckpointSpec]) -> dict[str, list[object]]:
    """Turn checkpoints, of which there are many, into lists that JSON reads much faster."""
    return {name: [getattr(spec, name) for spec in specs] for name in CheckpointSpec.__slots__}


def _decode(content: bytes, file: str) -> Manifest | None:
    checksum, _, text = content.partition(b"\n")
    if Digest.of(text).hex.encode() != checksum:
        return None
    fields = json.loads(text)
    records = {
        "file": file,
        "repos": tuple(map(_repo, fields["repos"])),
        "checkpoints": _checkpoints(**fields["checkpoints"]),
        "settings": SyncSettings(**fields["settings"]),
    }
    return Manifest(**fields | records)


def _repo(fields: dict[str, Any]) -> RepoSpec:  # whatever JSON holds
    records = {
        "key": RepoKey(**fields["key"]),
        "refs": tuple(fields["refs"]),
        "aliases": tuple(fields["aliases"]),
        "entrypoints": tuple(EntrypointSpec(**one) for one in fields["entrypoints"]),
        "checkpoints": _checkpoints(**fields["checkpoints"]),
        "lfs": Lfs(fields["lfs"]),
        "on_moved_tag": Drift(fields["on_moved_tag"]),
        "on_moved_branch": Drift(fields["on_moved_branch"]),
        "on_gone_repo": Drift(fields["on_gone_repo"]),
    }
    return RepoSpec(**fields | records)


def _checkpoints(
    *,
    url: list[str],
    sha256: list[str | None],
    prefix: list[str],
    fallbacks: list[list[str]],
    fetch_url: list[str],
    on_changed_url: list[str],
    on_gone_url: list[str],
) -> tuple[CheckpointSpec, ...]:
    digests = [Digest(text) if text else None for text in sha256]
    changed, gone = map(Drift, on_changed_url), map(Drift, on_gone_url)
    given = (url, digests, prefix, map(tuple, fallbacks), fetch_url, changed, gone)
    return tuple(map(CheckpointSpec, *given))
