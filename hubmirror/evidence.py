"""What is known of a publication beside its content: proofs, pins, and what is quarantined.

Owns: the bytes of the evidence blob. It may change without new content, so it has a blob of its
own that the publication names. Invariant: equal evidence has equal bytes, whatever its order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from hubmirror.errors import MALFORMED, RefusedError, VerificationError
from hubmirror.publications import check_min_reader
from hubmirror.records import BlobRef, Digest
from hubmirror.version import FORMAT

_Row = TypeVar("_Row")


class Verdict(StrEnum):
    """What a rehearsal found; an entrypoint without any proof is unproved, which is neither."""

    PROVED = "proved"
    FAILED = "failed"


@dataclass(frozen=True, order=True, slots=True)
class Proof:
    """One entrypoint at one ref, loaded or not from this mirror alone.

    Attributes:
        source: The source that declares it.
        unit: The name of its unit.
        call: The entrypoint as it is declared, such as ``resnet18(pretrained=True)``.
        verdict: Whether it loaded.
        basis: Over all that it relied on: another basis makes this proof void.
        result: The sha256 of what came of it, or empty.
        torch: The version that loaded it.
        python: The version of Python.
        platform: The system and processor, such as ``Linux-x86_64``.
        at: UTC, ISO 8601.
        reason: Why it failed; empty when it is proved.
        ref: The ref of its repo that was loaded.
        relied: What it relied on, by name: URLs and specs, also those that were missing.
    """

    source: str
    unit: str
    call: str
    verdict: Verdict
    basis: str
    result: str
    torch: str
    python: str
    platform: str
    at: str
    reason: str = ""
    ref: str = ""
    relied: tuple[str, ...] = ()


@dataclass(frozen=True, order=True, slots=True)
class Quarantined:
    """A blob that nothing may be loaded from, and why."""

    digest: Digest
    reason: str
    at: str


@dataclass(frozen=True, order=True, slots=True)
class Pin:
    """A publication that stays, or the publication that holds a spec somebody wants to keep.

    ``spec`` is how it was asked for; ``publication`` is the one that is kept for it.
    """

    spec: str
    publication: Digest
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What nothing may be loaded from, as a reader asks it; mostly empty."""

    rows: Mapping[Digest, Quarantined] = field(default_factory=dict)

    def refuse(self, digest: Digest, what: str) -> None:
        """Refuse a blob that is quarantined; ``what`` it is stands in the message.

        Raises:
            RefusedError: with the reason that was given.
        """
        if row := self.rows.get(digest):
            raise RefusedError(
                f"{what}: quarantined since {row.at}: {row.reason} (sha256 {digest})",
                hint="ask whoever runs the mirror; `hubmirror quarantine DIGEST --release` there "
                "lets it be loaded again",
            )

    def among(self, blobs: Iterable[BlobRef]) -> tuple[Quarantined, ...]:
        """Return what is quarantined of these blobs, ordered by digest."""
        if not self.rows:
            return ()
        found = {row for blob in blobs if (row := self.rows.get(blob.digest))}
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a publication beside its content."""

    proofs: tuple[Proof, ...] = ()
    quarantine: tuple[Quarantined, ...] = ()
    pins: tuple[Pin, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes that a blob holds."""
        fields = {
            "format": FORMAT,
            "min_reader": 1,
            "proofs": _rows(self.proofs),
            "quarantine": _rows(self.quarantine),
            "pins": _rows(self.pins),
        }
        return json.dumps(fields, sort_keys=True, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, content: bytes, *, where: str) -> Evidence:
        """Read evidence; what a newer hubmirror added to it is passed over.

        Raises:
            FormatError: when it asks for a newer reader.
            VerificationError: when it is no evidence.
        """
        try:
            fields = json.loads(content)
            check_min_reader(fields["min_reader"], where)
            return cls(
                proofs=_read(fields.get("proofs", ()), _proof),
                quarantine=_read(fields.get("quarantine", ()), _quarantined),
                pins=_read(fields.get("pins", ()), _pin),
            )
        except MALFORMED as error:
            raise VerificationError(f"{where}: not evidence: {error}") from error

    def is_empty(self) -> bool:
        """Tell whether nothing is known."""
        return self == Evidence()


def _rows(rows: Iterable[Proof | Quarantined | Pin]) -> list[Mapping[str, object]]:
    return [{name: _plain(value) for name, value in asdict(row).items()} for row in sorted(rows)]


def _plain(value: Any) -> object:  # of asdict, which turned a Digest into a dict
    match value:
        case dict():
            return str(value["hex"])
        case tuple():
            return [str(item) for item in value]
        case _:
            return str(value)


def _read(
    rows: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], _Row]
) -> tuple[_Row, ...]:
    return tuple(read(row) for row in rows)


def _proof(row: Mapping[str, Any]) -> Proof:
    names = (
        "source",
        "unit",
        "call",
        "basis",
        "result",
        "torch",
        "python",
        "platform",
        "at",
        "reason",
    )
    return Proof(
        verdict=Verdict(row["verdict"]),
        ref=str(row.get("ref", "")),
        relied=tuple(str(name) for name in row.get("relied", ())),
        **{name: str(row[name]) for name in names},
    )


def _quarantined(row: Mapping[str, Any]) -> Quarantined:
    return Quarantined(Digest.parse(row["digest"]), str(row["reason"]), str(row["at"]))


def _pin(row: Mapping[str, Any]) -> Pin:
    publication = Digest.parse(row["publication"])
    return Pin(str(row["spec"]), publication, str(row["reason"]), str(row["at"]))
