"""The blobs of a bundle on their way into a mirror, part by part.

Owns: ``.incoming/import-<bundle>/``. What arrived of a bundle stays when the import is killed, a
part is damaged, or the next medium comes a week later. Invariant: a part is marked only after
all of it is durable under its names, or in segments with their journal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hubmirror import files, layout
from hubmirror.carry import names
from hubmirror.carry.format import Amount, Root
from hubmirror.carry.members import Member
from hubmirror.carry.reading import Head, PartFile
from hubmirror.carry.segments import Segments, SegmentTarget
from hubmirror.carry.walking import Placed, can_be_read, piece_of, sound_members
from hubmirror.copying import Mismatch
from hubmirror.errors import VerificationError
from hubmirror.mirror import Mirror
from hubmirror.transfer import MirrorTarget

_PRIVATE = files.Modes(file=0o600)

Advance = Callable[[int], None]
"""Called with how many bytes of a part were dealt with since the last call."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one part.

    Attributes:
        count: How many blobs and segments are new.
        size_bytes: The sum of their sizes.
        faults: What is wrong with the part, a line each; such members were left out.
    """

    count: int = 0
    size_bytes: int = 0
    faults: tuple[str, ...] = ()


class Reception:
    """Where one bundle arrives; under the writer's lock, for one thread."""

    def __init__(self, mirror: Mirror, root: Root, modes: files.Modes) -> None:
        self._mirror = mirror
        self._root = root
        self._modes = modes
        self._folder = mirror.root / layout.import_folder(root.bundle)
        self._segments = Segments(self._folder)

    def begin(self, head: Head) -> None:
        """Make the folder, and keep in it what the next parts are measured by."""
        files.ensure_folder(self._folder, 0o700)
        self._keep(names.ROOT, head.signed.content)
        if head.required is not None:
            self._keep(names.REQUIRED, head.required)

    def _keep(self, name: str, content: bytes) -> None:
        path = self._folder / name
        if not path.exists():
            files.write(content, path, staging=self._folder, modes=_PRIVATE)

    def required(self) -> bytes | None:
        """Return what part 1 said must be here already, or None before it came."""
        try:
            return (self._folder / names.REQUIRED).read_bytes()
        except FileNotFoundError:
            return None

    def arrived(self) -> frozenset[int]:
        """Return the numbers of the parts of which all is here."""
        numbers = range(1, len(self._root.parts) + 1)
        return frozenset(number for number in numbers if self._mark(number).exists())

    def carried(self) -> dict[int, Amount]:
        """Return what each part that arrived carries, by its own list."""
        marks = {number: self._mark(number).read_text("ascii") for number in self.arrived()}
        return {number: Amount(*map(int, mark.split())) for number, mark in marks.items()}

    def start_again(self) -> None:
        """Ask for every part again, for some of what they brought is gone or was never right."""
        for number in self.arrived():
            self._mark(number).unlink()

    def _mark(self, number: int) -> Path:
        return self._folder / f"part-{number:03d}.done"

    def has(self, member: Member) -> bool:
        """Tell whether a blob, or this segment of it, is here."""
        if self._mirror.blobs.has(member.blob):
            return True
        return not member.is_whole and self._segments.has(member)

    def take(self, part: PartFile, head: Head, advance: Advance) -> Taken:
        """Take in what is new in a part, as far as it is sound, and mark it if all of it is.

        Raises:
            OSError: when the mirror cannot be written.
        """
        with (
            SegmentTarget(self._segments) as segments,
            MirrorTarget(self._mirror, self._modes, folder=self._folder) as blobs,
        ):
            taking = _Taking(part, blobs, segments)
            for placed in sound_members(part, head, taking.faults):
                if not self.has(placed.member):
                    taking.take(placed)
                advance(placed.size_bytes)
            taking.settle()
        taking.faults += self._join(head)
        if not taking.faults:
            self._write_mark(head)
        return Taken(taking.count, taking.size_bytes, tuple(taking.faults))

    def _write_mark(self, head: Head) -> None:
        carried = head.listed.carried()
        content = b"%d %d\n" % (carried.count, carried.size_bytes)
        path = self._mark(head.listed.number)
        files.write(content, path, staging=self._folder, modes=_PRIVATE)

    def _join(self, head: Head) -> list[str]:
        """Give each blob its name whose last segment came with this part; return the faults."""
        faults: list[str] = []
        for blob in sorted({one.blob for one in head.listed.members if not one.is_whole}):
            if self._mirror.blobs.has(blob):
                self._segments.forget(blob)
            elif self._segments.is_whole(blob):
                try:
                    path = self._segments.joined(blob)
                except VerificationError as error:
                    faults.append(error.message)
                else:
                    self._mirror.blobs.add(path, blob.digest, self._modes)
                    self._segments.forget(blob)
        return faults


class _Taking:
    """What is on its way from one part: whole blobs one way, segments the other."""

    def __init__(self, part: PartFile, blobs: MirrorTarget, segments: SegmentTarget) -> None:
        self._part = part
        self._blobs = blobs
        self._segments = segments
        self.faults: list[str] = []
        self.count = 0
        self.size_bytes = 0

    def take(self, placed: Placed) -> None:
        member, piece = placed.member, piece_of(self._part, placed)
        try:
            if member.is_whole:
                self._blobs.take(piece)
            else:
                self._segments.take(piece, member)
        except OSError as error:
            if can_be_read(self._part, placed):
                raise  # so it is the mirror that cannot be written
            self.faults.append(f"{piece.name}: cannot be read: {error.strerror}")
            return
        self.count += 1
        self.size_bytes += member.length

    def settle(self) -> None:
        for mismatch in (*self._blobs.settle(), *self._segments.settle()):
            self._leave_out(mismatch)

    def _leave_out(self, mismatch: Mismatch) -> None:
        self.faults.append(mismatch.error().message)
        self.count -= 1
        self.size_bytes -= mismatch.piece.length
