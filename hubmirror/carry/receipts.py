"""Receipts: what a far side has verified, in text that can be typed or read aloud.

Owns: the text, which is printable ASCII of about a kilobyte, and how it is checked. Invariant: a
receipt that was read is what was written, but for letter case and blanks; its last line says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from hubmirror.errors import FormatError, InvalidInputError, VerificationError
from hubmirror.records import Digest
from hubmirror.version import __version__

_T = TypeVar("_T")

_FORMAT = 1
_HEAD = ("hubmirror", "receipt")
_SHORT = 8
_TALLIES = ("missing", "extra")
_EXAMPLE = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"


class VerifiedBy(StrEnum):
    """How the blobs were verified: that each is there with its size, or its bytes as well."""

    SIZE = "size"
    SHA256 = "sha256"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many blobs there are of a sort, and which.

    Attributes:
        count: How many.
        short: The first digits of the sha256 over all their digests, or empty for none.
        digests: All of them, or the first few, ordered.
    """

    count: int = 0
    short: str = ""
    digests: tuple[Digest, ...] = ()

    @classmethod
    def of(cls, digests: Iterable[Digest], *, most: int | None = None) -> Tally:
        """Count blobs, and list so many of them; None for all."""
        ordered = sorted(digests)
        over_all = hashlib.sha256(b"".join(one.raw for one in ordered)).hexdigest()
        return cls(len(ordered), over_all[:_SHORT] if ordered else "", tuple(ordered[:most]))

    @property
    def is_whole(self) -> bool:
        """Whether all of them are listed."""
        return len(self.digests) == self.count


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one mirror says of the publication that its readers see.

    Attributes:
        mirror: The id of that mirror.
        origin: The id of the mirror that made the publication.
        sequence: Its number within the origin.
        publication: Its digest.
        verified_at: UTC, ISO 8601.
        verified_by: How.
        blobs: How many blobs the publication needs.
        size_bytes: The sum of their sizes.
        missing: Those that are not there, or are damaged.
        extra: Blobs that are there and that it does not need.
    """

    mirror: str
    origin: str
    sequence: int
    publication: Digest
    verified_at: str
    verified_by: VerifiedBy
    blobs: int
    size_bytes: int
    missing: Tally = Tally()
    extra: Tally = Tally()

    def encode(self) -> str:
        """Return the text, with a line end at its end."""
        lines = [
            f"{' '.join(_HEAD)} {_FORMAT}",
            _line("mirror", self.mirror),
            _line("origin", self.origin),
            _line("sequence", str(self.sequence)),
            _line("publication", _grouped(self.publication)),
            _line("verified", self.verified_at),
            _line("by", self.verified_by),
            _line("blobs", str(self.blobs)),
            _line("bytes", str(self.size_bytes)),
            *_tally_lines("missing", self.missing),
            *_tally_lines("extra", self.extra),
        ]
        check = _check(line.split() for line in lines)
        return "".join(f"{line}\n" for line in [*lines, _line("check", check)])

    @classmethod
    def decode(cls, content: bytes, *, where: str) -> Receipt:
        """Read a receipt; letter case, blanks and what follows its last line do not count.

        Raises:
            FormatError: when a newer hubmirror wrote it.
            VerificationError: when it is none or was mistyped, with the line where that is known.
        """
        try:
            text = content.decode("utf-8-sig").lower()
        except UnicodeDecodeError as error:
            raise VerificationError(f"{where}: not a receipt: not text in UTF-8") from error
        lines = [words for line in text.splitlines() if (words := line.split())]
        _check_head(lines[:1], where)
        said = _read(lines, where)
        receipt = cls(
            mirror=said.value("mirror", _uuid),
            origin=said.value("origin", _uuid),
            sequence=said.value("sequence", _number),
            publication=said.value("publication", Digest.parse),
            verified_at=said.value("verified", _time),
            verified_by=said.value("by", VerifiedBy),
            blobs=said.value("blobs", _number),
            size_bytes=said.value("bytes", _number),
            missing=said.value("missing", said.tally("missing")),
            extra=said.value("extra", said.tally("extra")),
        )
        wanted = said.value("check", str)
        if wanted != said.computed:
            raise VerificationError(
                f"{where}: mistyped, or not whole: its check is {wanted}, its lines give "
                f"{said.computed}",
                hint="compare it line by line with what `hubmirror receipt` printed",
            )
        return receipt


@dataclass(frozen=True, slots=True)
class _Said:
    """What the lines of a receipt say; ``computed`` is the check over them."""

    where: str
    values: Mapping[str, str]
    lists: Mapping[str, Sequence[Digest]]
    computed: str

    def value(self, name: str, parse: Callable[[str], _T]) -> _T:
        """Return what a line says."""
        if name not in self.values:
            raise VerificationError(f"{self.where}: not a whole receipt: it has no line {name!r}")
        try:
            return parse(self.values[name])
        except (ValueError, InvalidInputError) as error:
            raise VerificationError(f"{self.where}: line {name!r}: {error}") from error

    def tally(self, name: str) -> Callable[[str], Tally]:
        """Return how a line with a count is read, with the digests below it."""

        def parse(text: str) -> Tally:
            count, _, short = text.partition(" ")
            found = Tally(_number(count), short, tuple(self.lists.get(name, ())))
            if found.is_whole and found != Tally.of(found.digests):
                message = f"{count} digests that give {short!r} are announced, others follow"
                raise ValueError(message)
            return found

        return parse


def _read(lines: Sequence[Sequence[str]], where: str) -> _Said:
    end = next((at for at, words in enumerate(lines) if words[0] == "check"), len(lines))
    values: dict[str, str] = {}
    lists: dict[str, list[Digest]] = {}
    name = ""
    for words in lines[1 : end + 1]:
        joined = "".join(words)
        if re.fullmatch(r"[0-9a-f]{64}", joined):
            lists.setdefault(name, []).append(Digest(joined))
        else:
            name = words[0]
            values[name] = (" " if name in _TALLIES else "").join(words[1:])
    return _Said(where, values, lists, _check(lines[:end]))


def _check_head(lines: Sequence[Sequence[str]], where: str) -> None:
    words = tuple(lines[0]) if lines else ()
    if words[:2] != _HEAD or len(words) != 3 or not words[2].isdecimal():
        raise VerificationError(f"{where}: not a receipt: it does not begin with {' '.join(_HEAD)}")
    if int(words[2]) > _FORMAT:
        raise FormatError(
            f"{where}: a receipt of format {words[2]}; hubmirror {__version__} reads up to "
            f"format {_FORMAT}",
            hint="install a newer hubmirror on this machine",
        )


def _uuid(text: str) -> str:
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        return text
    raise ValueError(f"expected an id such as {_EXAMPLE}, got {text!r}")


def _number(text: str) -> int:
    if text.isdecimal() and text.isascii():
        return int(text)
    raise ValueError(f"expected a number, got {text!r}")


def _time(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()


def _tally_lines(name: str, tally: Tally) -> Iterator[str]:
    yield _line(name, f"{tally.count} {tally.short}".rstrip())
    yield from (f"  {_grouped(digest)}" for digest in tally.digests)


def _line(name: str, value: str) -> str:
    return f"{name:<12} {value}"


def _grouped(digest: Digest) -> str:
    """Part 64 digits into eights, as they are read aloud."""
    return " ".join(digest.hex[at : at + _SHORT] for at in range(0, len(digest.hex), _SHORT))


def _check(lines: Iterable[Sequence[str]]) -> str:
    """Return a checksum over lines that does not see blanks."""
    text = "\n".join("".join(words) for words in lines).lower()
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]
