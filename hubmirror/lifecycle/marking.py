"""Marks on what a mirror holds: pins, that keep a publication, and the quarantine.

Both are evidence: they change in a new publication of the same catalog, are carried with it,
and go on in every later one. Publishing on hold does not hold them back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hubmirror import audit
from hubmirror.audit import Change
from hubmirror.errors import InvalidInputError, NotFoundError, VerificationError
from hubmirror.evidence import Evidence, Pin, Quarantined
from hubmirror.mirror import Mirror, Serving, parse_publication
from hubmirror.publish import republish
from hubmirror.records import Digest
from hubmirror.resolve import check_spec, resolve
from hubmirror.settings import Settings
from hubmirror.writer import Desk, Turn, pointing


def pin(settings: Settings, target: str, reason: str, turn: Turn) -> Pin:
    """Keep a publication, or the current one for the sake of a repo that it holds.

    Raises:
        NotFoundError: when there is no such publication or repo.
    """
    with _marking(settings, turn) as marks:
        made = _pin(marks.mirror, marks.serving, target, reason)
        known = marks.known.pins
        if (made.spec, made.publication) not in {(one.spec, one.publication) for one in known}:
            details = {"pin": made.spec, "reason": reason}
            marks.publish(replace(marks.known, pins=(*known, made)), details)
        return made


def unpin(settings: Settings, target: str, turn: Turn) -> tuple[Pin, ...]:
    """Let go of every pin of a spec, or of a publication; return them.

    Raises:
        NotFoundError: when nothing is pinned so.
    """
    with _marking(settings, turn) as marks:
        known = marks.known.pins
        gone = tuple(one for one in known if target == one.spec or _begins(one, target))
        if not gone:
            raise NotFoundError(
                f"{marks.mirror.root}: nothing is pinned as {target}",
                hint="`hubmirror pin` lists what is",
            )
        left = tuple(one for one in known if one not in gone)
        marks.publish(replace(marks.known, pins=left), {"pin": target})
        return gone


def quarantine(settings: Settings, target: str, reason: str, turn: Turn) -> Quarantined:
    """Let nothing be loaded from a blob: of a digest, a URL, or a repo's snapshot.

    Raises:
        NotFoundError: when the mirror holds no such URL or repo.
    """
    with _marking(settings, turn) as marks:
        made = Quarantined(find_digest(marks.serving, target), reason, _now())
        others = (one for one in marks.known.quarantine if one.digest != made.digest)
        wanted = replace(marks.known, quarantine=(*others, made))
        marks.publish(wanted, {"blob": made.digest.hex, "reason": reason})
        return made


def let_out(settings: Settings, target: str, turn: Turn) -> Quarantined:
    """Let a blob be loaded again.

    Raises:
        NotFoundError: when it is not quarantined.
    """
    with _marking(settings, turn) as marks:
        digest = find_digest(marks.serving, target)
        known = marks.known.quarantine
        gone = [one for one in known if one.digest == digest]
        if not gone:
            raise NotFoundError(
                f"{marks.mirror.root}: {digest} is not quarantined",
                hint="`hubmirror quarantine` lists what is",
            )
        left = tuple(one for one in known if one.digest != digest)
        details = {"blob": digest.hex, "released": gone[0].reason}
        marks.publish(replace(marks.known, quarantine=left), details)
        return gone[0]


def find_digest(serving: Serving, target: str) -> Digest:
    """Return the blob that a person means by a digest, a URL, or a repo's name.

    Raises:
        NotFoundError: when the publication holds no such URL or repo.
    """
    with contextlib.suppress(InvalidInputError):
        return Digest.parse(target)
    if row := serving.catalog.find_checkpoint(target):
        return row.digest
    return resolve(serving.catalog, check_spec(target)).snapshot.digest


@dataclass(frozen=True, slots=True)
class _Marks:
    """What is known of the current publication, while nobody else can change it."""

    desk: Desk
    settings: Settings
    serving: Serving
    known: Evidence

    @property
    def mirror(self) -> Mirror:
        return self.desk.mirror

    def publish(self, wanted: Evidence, details: Mapping[str, str]) -> None:
        content = self.serving.publication
        published = republish(self.mirror, content, wanted, self.settings.modes)
        verb, before = self.desk.turn.verb, self.serving.digest
        audit.append(self.desk.state, Change(verb, before, published.digest, details))


@contextlib.contextmanager
def _marking(settings: Settings, turn: Turn) -> Iterator[_Marks]:
    with pointing(settings, turn) as desk:
        serving = desk.mirror.serving()
        if not serving.is_current:
            raise VerificationError(
                f"{desk.mirror.root}: the current publication is damaged, so it cannot be marked",
                hint="`hubmirror sync` or `hubmirror rollback` makes a sound one",
            )
        yield _Marks(desk, settings, serving, desk.mirror.evidence(serving.publication))


def _pin(mirror: Mirror, serving: Serving, target: str, reason: str) -> Pin:
    if "/" not in target:
        digest = parse_publication(target, mirror)
        mirror.publications.read(digest)
        return Pin(digest.hex, digest, reason, _now())
    found = resolve(serving.catalog, check_spec(target))
    return Pin(f"{found.repo.title}:{found.ref.name}", serving.digest, reason, _now())


def _begins(one: Pin, target: str) -> bool:
    return len(target) >= 4 and one.publication.hex.startswith(target.lower())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
