"""Writes a publication as the parts of a bundle: planned first, and the same each time.

Owns: the order of the steps. A part has its name only when it is whole, and the same command
again keeps it; so an export that was killed, or whose medium was full or pulled out, goes on where
it was. Reads the mirror without a lock: what a publication names does not change.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hubmirror import exports
from hubmirror.carry import names
from hubmirror.carry.bundle import Bundle, seal
from hubmirror.carry.cargo import Cargo, pack
from hubmirror.carry.cutting import hash_segments, segments_of
from hubmirror.carry.destination import Destination
from hubmirror.carry.known import Known
from hubmirror.carry.planning import PlannedPart, plan_parts
from hubmirror.carry.selecting import Consignment
from hubmirror.carry.transfer_list import Packed, transfer_list
from hubmirror.carry.writing import PartFile
from hubmirror.copying import Piece, WrongBytesError
from hubmirror.errors import VerificationError
from hubmirror.exports import Export
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from hubmirror.transfer import MirrorSource

SIGNATURE_ROOM_BYTES = 16 * 1024  # twice what the largest key makes, with its header


@dataclass(frozen=True, slots=True)
class Order:
    """How a bundle is to be written.

    Attributes:
        folder: Where its parts go.
        known: What the far side has.
        sign: Makes the signature of the root; None where nobody signs.
        notify: Called with a line for each part that is finished.
        watch: Called now and then with how many bytes of how many are done.
    """

    folder: Path
    known: Known = field(default_factory=Known)
    sign: Callable[[bytes], bytes] | None = None
    notify: Callable[[str], None] = lambda _: None
    watch: Callable[[int, int], None] = lambda _, __: None


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What a bundle will bring, and in which parts; no part where there is nothing to bring."""

    cargo: Cargo
    parts: tuple[PlannedPart, ...]


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """A part that is on the medium; ``is_kept`` where it was there before."""

    path: Path
    size_bytes: int
    sha256: Digest
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that is all there."""

    bundle: Bundle
    parts: tuple[WrittenPart, ...]


def plan_export(
    consignment: Consignment,
    known: Known,
    *,
    part_bytes: int,
    reserved_bytes: int = 0,
    label: str = "",
) -> ExportPlan:
    """Say what must be carried, and how it goes into parts.

    Args:
        consignment: What is to arrive.
        known: What the far side has.
        part_bytes: What a part's file may be at most.
        reserved_bytes: What of it a signature needs.
        label: What the names of the bundle's files begin with; empty for the usual.

    Raises:
        InvalidInputError: when the parts are too small for it.
    """
    cargo = pack(
        consignment.content, consignment.needed, held=known.held, base=known.base, label=label
    )
    if not cargo.carried and known.base.publication == cargo.digest:
        return ExportPlan(cargo, ())
    return ExportPlan(
        cargo, plan_parts(cargo, part_bytes=part_bytes, reserved_bytes=reserved_bytes)
    )


def check_present(consignment: Consignment, plan: ExportPlan, mirror: Mirror) -> None:
    """Refuse to begin what would stop at a blob that is not there.

    Raises:
        VerificationError: naming the first such blob, and who needs it.
    """
    own = consignment.beside
    gone = [one for one in plan.cargo.carried if one not in own and not mirror.blobs.has(one)]
    if gone:
        more = f" and {len(gone) - 1:,} more" if len(gone) > 1 else ""
        raise VerificationError(
            f"{mirror.blobs.path(gone[0].digest)}: missing{more}; needed by "
            f"{_who_needs(consignment, gone[0].digest)}",
            hint="`hubmirror verify` names all of them; sync brings them again",
        )


def export(
    plan: ExportPlan, consignment: Consignment, mirror: Mirror, state: StateLayout, order: Order
) -> Exported:
    """Write what was planned, or go on where an earlier export of the same stopped.

    Raises:
        VerificationError: when a blob's bytes are not its digest; parts before it stay.
        StorageError: when the medium is full or fails; complete parts stay.
        LockedError: when another export writes into the same folder.
    """
    source = MirrorSource(mirror.blobs, consignment.beside)
    destination = Destination(order.folder)
    meter = _Meter(order.watch, plan.cargo)
    with _naming_needs(consignment), destination.claimed():
        bundle = _seal(plan, source, order, meter)
        destination.clear()
        kept = destination.complete(bundle)
        missing = [part.number for part in plan.parts if part.number not in kept]
        destination.check_room(sum(bundle.part_bytes(number) for number in missing))
        if missing or not exports.is_recorded(state, bundle.root.bundle):
            exports.record(state, _record_of(bundle, consignment, order))
        destination.write(_list_of(bundle, consignment, mirror), names.TRANSFER_LIST)
        meter.expect(bundle, missing)
        for number in missing:
            destination.check_room(bundle.part_bytes(number))
            digest = _write_part(bundle, number, source, destination, meter)
            destination.add_sum(bundle.part_name(number), digest)
            order.notify(
                f"wrote {destination.folder / bundle.part_name(number)} "
                f"({bundle.part_bytes(number):,} bytes)"
            )
        return Exported(bundle, _parts_of(bundle, destination, kept))


def _seal(plan: ExportPlan, source: MirrorSource, order: Order, meter: _Meter) -> Bundle:
    segments = hash_segments(source, segments_of(plan.parts), meter.add)
    bundle = seal(plan.cargo, plan.parts, segments)
    if order.sign is None:
        return bundle
    return dataclasses.replace(bundle, signature=order.sign(bundle.root.encode()))


def _write_part(
    bundle: Bundle, number: int, source: MirrorSource, destination: Destination, meter: _Meter
) -> Digest:
    members = bundle.lists[number - 1].members
    with (
        destination.partial(bundle.part_name(number)) as descriptor,
        PartFile(descriptor, bundle, number, meter.add) as part,
    ):
        for member in members:
            with source.opened(member.blob) as piece:
                name, descriptor = piece.name, piece.descriptor
                part.take(Piece(name, descriptor, member.offset, member.length, member.sha256))
            if part.has_failed:
                break
        if found := part.settle():
            wrong = next(one for one in members if one.sha256 == found[0].piece.sha256)
            raise WrongBytesError(found[0].error().message, expected=wrong.blob.digest)
    return part.digest


def _parts_of(
    bundle: Bundle, destination: Destination, kept: frozenset[int]
) -> tuple[WrittenPart, ...]:
    return tuple(
        WrittenPart(
            path=destination.folder / name,
            size_bytes=bundle.part_bytes(number),
            sha256=destination.digest(name),
            is_kept=number in kept,
        )
        for number in range(1, len(bundle.lists) + 1)
        for name in [bundle.part_name(number)]
    )


def _list_of(bundle: Bundle, consignment: Consignment, mirror: Mirror) -> Iterator[bytes]:
    packed = (
        Packed(part, member.name, member.blob, member.length, member.sha256)
        for one in bundle.lists
        for part in [bundle.part_name(one.number)]
        for member in one.members
    )
    carried = frozenset(blob.digest for blob in bundle.cargo.carried)
    uses = consignment.catalog.uses(carried)
    for text in transfer_list(mirror, bundle.cargo.publication, uses, packed):
        yield text.encode()


def _record_of(bundle: Bundle, consignment: Consignment, order: Order) -> Export:
    root = bundle.root
    return Export(
        bundle=root.bundle,
        name=root.name,
        publication=consignment.publication,
        view=None if root.publication == consignment.publication else root.publication,
        origin=root.origin,
        sequence=root.sequence,
        base=root.base.kind,
        destination=order.known.mirror,
        parts=len(root.parts),
        blobs=root.carried.count,
        size_bytes=root.carried.size_bytes,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@contextlib.contextmanager
def _naming_needs(consignment: Consignment) -> Iterator[None]:
    """Say of a blob whose bytes are wrong who needs it, and how it is mended."""
    try:
        yield
    except WrongBytesError as error:
        raise VerificationError(
            f"{error.message}; needed by {_who_needs(consignment, error.expected)}",
            hint="remove that file, and the next sync (or import) brings it again; the parts "
            "that are complete stay, and the same command goes on",
        ) from error


def _who_needs(consignment: Consignment, digest: Digest) -> str:
    first, *others = consignment.catalog.needing(digest) or ("the publication itself",)
    return f"{first} and {len(others):,} more" if others else first


class _Meter:
    """Adds up bytes from several threads, and tells whoever watches."""

    def __init__(self, watch: Callable[[int, int], None], cargo: Cargo) -> None:
        self._watch = watch
        self._total = sum(blob.size_bytes for blob in cargo.carried)
        self._done = 0

    def expect(self, bundle: Bundle, missing: Iterable[int]) -> None:
        """Begin again, with what the missing parts hold."""
        lists = [bundle.lists[number - 1].members for number in missing]
        self._total = sum(member.length for members in lists for member in members)
        self._done = 0

    def add(self, size_bytes: int) -> None:
        self._done += size_bytes
        self._watch(self._done, self._total)
