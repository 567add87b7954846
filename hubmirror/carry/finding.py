"""Finds the parts of bundles among what a person names: files, and folders such as a medium.

Owns: which files are worth opening. Believes nothing: a file is a candidate by its name or by
how it begins, since media with short names call a part ``4F2A91C0.TAR``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hubmirror.carry import names
from hubmirror.errors import NotFoundError, VerificationError

_PART = re.compile(r".*\.bundle-[0-9]{3,}\.tar", re.IGNORECASE)
_BESIDE = frozenset(
    {names.SUMS.lower(), names.TRANSFER_LIST}
)  # what export writes beside the parts
_BEGINNING = names.ROOT.encode() + b"\0"


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to import.

    Attributes:
        parts: Files that are, or should be, parts; in order of their names within a folder.
        ignored: Files of a folder that have nothing to do with bundles.
    """

    parts: tuple[Path, ...]
    ignored: tuple[Path, ...]


def find_parts(named: Iterable[Path]) -> Found:
    """Look into each folder (not below it) and take each file as it is named.

    Raises:
        NotFoundError: when something is not there, or a folder holds no part.
        VerificationError: when what is named is neither a file nor a folder.
    """
    parts: dict[Path, None] = {}
    ignored: list[Path] = []
    for path in named:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if not one.is_dir())
            wanted = [one for one in inside if _is_candidate(one)]
            if not wanted:
                raise _no_part(path, inside)
            parts.update(dict.fromkeys(wanted))
            ignored += [one for one in inside if one not in parts and not _is_beside(one)]
        else:
            _check_file(path)
            parts[path] = None
    return Found(tuple(parts), tuple(ignored))


def _is_candidate(path: Path) -> bool:
    if _PART.fullmatch(path.name):
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return is_file and os.pread(descriptor, len(_BEGINNING), 0) == _BEGINNING
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _is_beside(path: Path) -> bool:
    return path.name.lower() in _BESIDE


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            f"{path}: no such file or folder", hint="is the medium mounted?"
        ) from None
    if not stat.S_ISREG(mode):
        raise VerificationError(f"{path}: neither a file nor a folder, so no part of a bundle")


def _no_part(folder: Path, inside: list[Path]) -> NotFoundError:
    partial = next((one for one in inside if one.name.endswith(names.PARTIAL)), None)
    if partial:
        hint = f"{partial.name} is half written: run that `hubmirror export` again to finish it"
    else:
        hint = "parts are called NAME.bundle-001.tar; is the medium mounted there?"
    return NotFoundError(f"{folder}: holds no part of a bundle", hint=hint)
