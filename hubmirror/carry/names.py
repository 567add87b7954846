"""The names of a bundle's files and of the members of its parts.

Safe on FAT and exFAT; nothing in them comes from a stranger. Knows nothing of what is inside.
"""

from __future__ import annotations

import re

from hubmirror import layout
from hubmirror.records import BlobRef

ROOT = "root.json"
SIGNATURE = "root.json.sig"
PUBLICATION = "publication.json"
MEMBERS = "members.json"
REQUIRED = "requires.bin"
"""The members of a part before its blobs, in this order; the second where it is signed, the last
in part 1 only."""

SUMS = "SHA256SUMS"
TRANSFER_LIST = "transfer-list.csv"
PARTIAL = ".partial"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9._-]{0,46}[a-z0-9])?")  # FAT keeps no case
_PART = re.compile(rf"({_LABEL.pattern})\.bundle-([0-9]{{3,}})\.tar")
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")  # to Windows


def bundle_name(origin: str, sequence: int, bundle: str) -> str:
    """Return the name of a bundle, with which the names of its files begin."""
    return f"{origin[:8]}-{sequence:06d}-{bundle[:8]}"


def is_safe(name: str) -> bool:
    """Tell whether a bundle may be called so on every file system."""
    return bool(_LABEL.fullmatch(name)) and not _DEVICES.fullmatch(name)


def part_name(name: str, number: int) -> str:
    """Return the file name of a bundle's part; parts count from 1."""
    return f"{name}.bundle-{number:03d}.tar"


def parse_part_name(text: str) -> tuple[str, int] | None:
    """Return bundle and number where this is the file name of a part, else None."""
    found = _PART.fullmatch(text)
    return (found[1], int(found[3])) if found else None


def member_name(blob: BlobRef, offset: int, length: int) -> str:
    """Return the name of a blob, or of a segment of one, in a part."""
    name = layout.blob(blob.digest)
    return name if length == blob.size_bytes else f"{name}.{offset:016d}"
