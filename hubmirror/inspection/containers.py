"""Finds the pickles in a file: torch's zip, its older stream of pickles, archives around either."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import IO

from hubmirror.inspection.pickles import Pickled, Reader, first_number, read_pickle
from hubmirror.records import Contents, WeightsKind

_MAGIC = 0x1950A86A20F9469CFC6C  # what the oldest format begins with, as a pickle
_STREAM_PICKLES = 3  # protocol, system, then the object; raw storages follow
_MOST_NAMES = 100
_LARGEST_HEADER_BYTES = 100_000_000  # safetensors' own limit
_LARGEST_INNER_BYTES = 16 * 1024**3
_LARGEST_GROWTH = 200  # what floats shrink to is far from it; what zips itself up is beyond

_UNREADABLE = Contents(WeightsKind.UNREADABLE)
_OTHER = Contents(WeightsKind.OTHER)


def inspect_file(path: Path) -> Contents:
    """Tell what a weight file is.

    Raises:
        OSError: when the file cannot be read at all.
    """
    with path.open("rb") as stream:
        try:
            return _inspect(stream, is_inner=False)
        except OSError as error:
            if error.errno is not None:  # otherwise it is the word of a module about bad bytes
                raise
        except Exception:  # noqa: BLE001, S110 - made to break whoever reads it: that is what it is
            pass
    return _UNREADABLE


def _inspect(stream: IO[bytes], *, is_inner: bool) -> Contents:
    if first_number(Reader(stream, 64)) == _MAGIC:
        return _inspect_stream(stream)
    stream.seek(0)
    if zipfile.is_zipfile(stream):
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            return _inspect_zip(archive, is_inner=is_inner)
    if is_inner:
        return _OTHER
    if _is_safetensors(stream):
        return Contents(WeightsKind.SAFETENSORS)
    return _inspect_tar(stream)


def _inspect_stream(stream: IO[bytes]) -> Contents:
    stream.seek(0)
    reader = Reader(stream)
    first_number(reader)
    return _contents(_all(reader, _STREAM_PICKLES))


def _all(reader: Reader, count: int) -> Pickled:
    found = Pickled()
    for _ in range(count):
        found |= read_pickle(reader)
    return found


def _inspect_zip(archive: zipfile.ZipFile, *, is_inner: bool) -> Contents:
    members = archive.infolist()
    if len(members) == 1 and not members[0].is_dir():
        # What torch.hub unpacks beside the archive; torch itself reads no such zip.
        return _OTHER if is_inner else _inspect_inner(archive, members[0])
    top = members[0].filename.partition("/")[0] if members else ""
    # torch's zip reader looks names up in any letter case.
    names = [member.filename.lower() for member in members]
    if f"{top}/constants.pkl".lower() in names:
        return Contents(WeightsKind.TORCHSCRIPT)
    found = [member for member in members if member.filename.lower() == f"{top}/data.pkl".lower()]
    if not found:
        return _OTHER
    if len(found) > 1:  # which of them is read differs between readers
        return _UNREADABLE
    with archive.open(found[0]) as stream:
        return _contents(read_pickle(Reader(stream)))


def _inspect_inner(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Contents:
    most = min(_LARGEST_INNER_BYTES, member.compress_size * _LARGEST_GROWTH)
    if member.file_size > most:
        return _UNREADABLE
    with archive.open(member) as stream:
        return _inspect(stream, is_inner=True)


def _is_safetensors(stream: IO[bytes]) -> bool:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= min(size - 8, _LARGEST_HEADER_BYTES) or stream.read(1) != b"{":
        return False
    stream.seek(8)
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError):
        return False
    tensors = [entry for name, entry in header.items() if name != "__metadata__"]
    return all(isinstance(entry, dict) and "data_offsets" in entry for entry in tensors)


def _inspect_tar(stream: IO[bytes]) -> Contents:
    """Tell torch's format of before 0.1.10, which ``weights_only`` never reads, from other tars."""
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            members = [archive.next() for _ in range(4)]
            names = {member.name: member for member in members if member}
            if not {"storages", "tensors", "pickle"} <= set(names):
                return _OTHER
            content = archive.extractfile(names["pickle"])
            if content is None:
                return _UNREADABLE
            with content:
                found = read_pickle(Reader(content))
    except tarfile.TarError:
        return _OTHER
    return _contents(Pickled(found.names, is_plain=False))


def _contents(found: Pickled) -> Contents:
    if not found.names and found.is_plain:
        return Contents(WeightsKind.TENSORS_ONLY)
    names = sorted(found.names)
    if len(names) > _MOST_NAMES:
        names[_MOST_NAMES:] = [f"and {len(names) - _MOST_NAMES} more"]
    return Contents(WeightsKind.NEEDS_GLOBALS, tuple(names))
