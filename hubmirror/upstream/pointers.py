"""Git LFS pointers: the small file that a commit has, and the large one that it stands for.

Pure. A pointer is told by its content; whether git would replace it, ``.gitattributes`` say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hubmirror.records import Digest

MOST_POINTER_BYTES = 1024

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n((?:.*\n)*)"
    rb"oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)


@dataclass(frozen=True, order=True, slots=True)
class Pointer:
    """An object that a commit names instead of having it.

    Attributes:
        is_extended: Whether a program of the repo's own turns the object into the file.
    """

    digest: Digest
    size_bytes: int
    is_extended: bool = False


@dataclass(frozen=True, slots=True)
class Pointed:
    """The pointers in a repo at one commit.

    Attributes:
        url: The repo's git address.
        settings: What its ``.lfsconfig`` says.
        files: Each pointer, with the path of a file that is one, as it may be printed.
    """

    url: str
    settings: Mapping[str, str]
    files: Mapping[Pointer, str]


def read_pointer(content: bytes) -> Pointer | None:
    """Read a file that may be a pointer; None when it is none."""
    found = _POINTER.fullmatch(content) if len(content) <= MOST_POINTER_BYTES else None
    if found is None:
        return None
    return Pointer(Digest(found[2].decode()), int(found[3]), is_extended=bool(found[1]))
