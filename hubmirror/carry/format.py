"""The root of a bundle: what it carries, from where, on top of what, in which parts.

The same bytes are in every part, and are the only thing that is signed. Standard library only.
Invariant: a root has one way to be written, and no other bytes are read as one; its bundle id
is the sha256 of all else that it says.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hubmirror.carry.names import bundle_name, is_safe
from hubmirror.errors import MALFORMED, FormatError, VerificationError
from hubmirror.records import Digest
from hubmirror.version import __version__

BUNDLE_FORMAT = 1
"""The bundle format written by this version; also the newest that it can read."""

# What a reader takes into memory at most; a writer keeps below.
ROOT_MOST_BYTES = 1 << 20
SIGNATURE_MOST_BYTES = 64 << 10
PUBLICATION_MOST_BYTES = 1 << 20
MEMBERS_MOST_BYTES = 16 << 20

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class BaseKind(StrEnum):
    """How it is known what the far side holds already."""

    NOTHING = "nothing"
    HAVE = "have"
    SINCE = "since"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class Base:
    """What a bundle stands on; ``publication`` is what was known to be there, if any."""

    kind: BaseKind = BaseKind.NOTHING
    publication: Digest | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """How many blobs, and the sum of their sizes."""

    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PartEntry:
    """What the root says of one part.

    Attributes:
        members: The sha256 of the part's ``members.json``.
        members_bytes: The size of that.
        size_bytes: The size of the part's file, without a signature among its members.
    """

    members: Digest
    members_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Root:
    """What a bundle says of itself.

    Attributes:
        origin: The origin of the publication that it carries.
        sequence: The sequence of that publication.
        publication: Its digest.
        base: What the bundle stands on.
        required: How much must be there already, because the bundle does not carry it.
        required_digest: The sha256 of ``requires.bin``, which lists that.
        carried: How much it carries.
        parts: What there is of each part, the first one first.
        label: How its makers call it, or empty; no part of its id.
    """

    origin: str
    sequence: int
    publication: Digest
    base: Base
    required: Amount
    required_digest: Digest
    carried: Amount
    parts: tuple[PartEntry, ...]
    label: str = ""

    @property
    def bundle(self) -> Digest:
        """The id of this bundle."""
        return Digest(hashlib.sha256(canonical(self._fields())).hexdigest())

    @property
    def name(self) -> str:
        """The name with which the names of its files begin."""
        return self.label or bundle_name(self.origin, self.sequence, self.bundle.hex)

    def encode(self) -> bytes:
        """Return the bytes of ``root.json``."""
        return canonical({**self._fields(), "bundle": self.bundle.hex, "name": self.name})

    @classmethod
    def decode(cls, content: bytes, *, where: str) -> Root:
        """Read a root.

        Raises:
            FormatError: when it asks for a newer reader.
            VerificationError: when it is no root, or is written in another way than ``encode``.
        """
        try:
            fields = json.loads(content)
            check_reader(fields["min_reader"], where)
            root = cls._of(fields)
            if fields["name"] != root.name:
                root = replace(root, label=str(fields["name"]))
        except MALFORMED as error:
            raise VerificationError(f"{where}: not the root of a bundle: {error}") from error
        if not _UUID.fullmatch(root.origin) or not root.parts or not is_safe(root.name):
            raise VerificationError(f"{where}: not the root of a bundle: its fields cannot be")
        if root.encode() != content:
            raise VerificationError(
                f"{where}: not the root of a bundle: its id or name is not that of its content, "
                "or something is in it that this version does not know"
            )
        return root

    def _fields(self) -> dict[str, object]:
        known = self.base.publication
        return {
            "format": BUNDLE_FORMAT,
            "min_reader": 1,
            "origin": self.origin,
            "sequence": self.sequence,
            "publication": self.publication.hex,
            "base": {"kind": self.base.kind.value, "publication": known.hex if known else None},
            "requires": {"sha256": self.required_digest.hex, **_amount_fields(self.required)},
            "carries": _amount_fields(self.carried),
            "parts": [
                {
                    "members_sha256": part.members.hex,
                    "members_bytes": part.members_bytes,
                    "size_bytes": part.size_bytes,
                }
                for part in self.parts
            ],
        }

    @classmethod
    def _of(cls, fields: Mapping[str, Any]) -> Root:  # whatever JSON holds
        known = fields["base"]["publication"]
        return cls(
            origin=str(fields["origin"]),
            sequence=natural(fields["sequence"]),
            publication=Digest.parse(fields["publication"]),
            base=Base(
                BaseKind(fields["base"]["kind"]), None if known is None else Digest.parse(known)
            ),
            required=_amount(fields["requires"]),
            required_digest=Digest.parse(fields["requires"]["sha256"]),
            carried=_amount(fields["carries"]),
            parts=tuple(
                PartEntry(
                    Digest.parse(part["members_sha256"]),
                    natural(part["members_bytes"]),
                    natural(part["size_bytes"]),
                )
                for part in fields["parts"]
            ),
        )


def check_reader(wanted: int, where: str) -> None:
    """Refuse by name what only a newer hubmirror understands.

    Raises:
        FormatError: naming both versions.
    """
    if wanted > BUNDLE_FORMAT:
        raise FormatError(
            f"{where}: needs a reader of bundle format {wanted}; "
            f"hubmirror {__version__} reads up to format {BUNDLE_FORMAT}",
            hint="install a newer hubmirror on this machine",
        )


def canonical(fields: object) -> bytes:
    """Return JSON in the one way in which bundles have it."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def natural(value: object) -> int:
    """Return a number that counts something.

    Raises:
        ValueError: when it is none.
    """
    if isinstance(value, int) and value >= 0:
        return value
    message = f"expected a whole number, 0 or more, got {value!r}"
    raise ValueError(message)


def _amount_fields(amount: Amount) -> dict[str, int]:
    return {"count": amount.count, "size_bytes": amount.size_bytes}


def _amount(fields: Mapping[str, Any]) -> Amount:
    return Amount(natural(fields["count"]), natural(fields["size_bytes"]))
