"""The folder that parts are written into: what is there already, and what is still missing.

Owns: names in that folder, and ``SHA256SUMS``. Knows nothing of mirrors. Invariant: a file whose
name is that of a part is whole and durable, and a line of ``SHA256SUMS`` is true.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from hubmirror import files
from hubmirror.carry import names, tar
from hubmirror.carry.bundle import Bundle
from hubmirror.carry.format import ROOT_MOST_BYTES
from hubmirror.carry.signatures import is_of_the_same_key
from hubmirror.copying import write_at
from hubmirror.errors import LockedError, StorageError, VerificationError
from hubmirror.records import Digest

_SUM = re.compile(r"([0-9a-f]{64}) [ *]([^/\n]+)")
_HINTS = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room in your quota",
    errno.EFBIG: "choose smaller parts, such as `--part-size fat32`",
    errno.EROFS: "mount it for writing",
    errno.EACCES: "let this user write there",
    errno.EPERM: "let this user write there",
}


class Destination:
    """A folder for parts, on a medium that may be full, slow or gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder where it is missing, and keep other exports out of it.

        Raises:
            StorageError: when the folder that it should lie in is missing, or it cannot be made.
            LockedError: when another export writes here.
        """
        with self.naming_failures():
            if not self.folder.parent.is_dir():
                raise StorageError(
                    f"{self.folder}: {self.folder.parent} is not there",
                    hint="mount the medium, or make that folder",
                )
            files.ensure_folder(self.folder, 0o755)
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Some network file systems lock no folders: there the names must do.
            with contextlib.suppress(OSError):
                _lock(descriptor, self.folder)
            yield
        finally:
            os.close(descriptor)

    def clear(self) -> None:
        """Remove what a killed export was writing."""
        with self.naming_failures():
            for path in self.folder.glob(f"*{names.PARTIAL}"):
                name = path.name.removesuffix(names.PARTIAL)
                if names.parse_part_name(name) or name in (names.SUMS, names.TRANSFER_LIST):
                    path.unlink()

    def complete(self, bundle: Bundle) -> frozenset[int]:
        """Return the numbers of the parts that are there, whole and of just this bundle."""
        sums = self._sums()
        numbers = range(1, len(bundle.lists) + 1)
        named = (number for number in numbers if bundle.part_name(number) in sums)
        return frozenset(number for number in named if self._is_complete(bundle, number))

    def digest(self, name: str) -> Digest:
        """Return the sha256 of a part that is there."""
        return self._sums()[name]

    def check_room(self, needed_bytes: int) -> None:
        """Refuse what cannot fit.

        Raises:
            StorageError: naming both figures.
        """
        with self.naming_failures():
            files.check_room(self.folder, needed_bytes)

    @contextlib.contextmanager
    def partial(self, name: str) -> Iterator[int]:
        """Give an empty file for a part; it gets its name when the block ends well.

        Raises:
            StorageError: when the medium fails.
        """
        path = self.folder / f"{name}{names.PARTIAL}"
        with self.naming_failures():
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            try:
                yield descriptor
                path.rename(self.folder / name)
                self._sync()
            except BaseException:
                with contextlib.suppress(OSError):  # the medium may be gone
                    path.unlink(missing_ok=True)
                raise
            finally:
                with contextlib.suppress(OSError):  # it is synced, or has failed already
                    os.close(descriptor)

    def write(self, chunks: Iterable[bytes], name: str) -> None:
        """Put a file in place, or replace it, in one step."""
        with self.partial(name) as descriptor:
            end = 0
            for chunk in chunks:
                write_at(descriptor, chunk, end)
                end += len(chunk)
            os.fsync(descriptor)

    def add_sum(self, name: str, digest: Digest) -> None:
        """Name a part that is whole now in ``SHA256SUMS``, for ``sha256sum -c``."""
        sums = {**self._sums(), name: digest}
        there = {one: found for one, found in sums.items() if (self.folder / one).exists()}
        lines = (f"{found}  {one}\n".encode() for one, found in sorted(there.items()))
        self.write(lines, names.SUMS)

    @contextlib.contextmanager
    def naming_failures(self) -> Iterator[None]:
        """Say of every failure to write where it was, and that the same command goes on.

        Raises:
            StorageError: for an OSError.
        """
        try:
            yield
        except OSError as error:
            where = Path(error.filename or self.folder)
            if where != self.folder.parent and self.folder not in (where, *where.parents):
                raise  # a blob that cannot be read, which names itself
            advice = _HINTS.get(error.errno or 0, "see to the medium, and that it is plugged in")
            raise StorageError(
                f"{where}: {error.strerror or error}",
                hint=f"{advice}; then run the same command again: it keeps the parts that are "
                "complete",
            ) from error

    def _is_complete(self, bundle: Bundle, number: int) -> bool:
        path = self.folder / bundle.part_name(number)
        try:
            with path.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                head = dict(_first_members(stream.read, str(path)))
        except (OSError, VerificationError):
            return False
        signature = head.get(names.SIGNATURE)
        signed_bytes = 0 if signature is None else tar.whole_size(len(signature))
        return (
            head.get(names.ROOT) == bundle.root.encode()
            and size == bundle.root.parts[number - 1].size_bytes + signed_bytes
            and is_of_the_same_key(signature, bundle.signature)
        )

    def _sums(self) -> Mapping[str, Digest]:
        try:
            text = (self.folder / names.SUMS).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return {}
        found = (_SUM.fullmatch(line) for line in text.splitlines())
        return {match[2]: Digest(match[1]) for match in found if match}

    def _sync(self) -> None:
        try:
            files.sync_folder(self.folder)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some drivers of foreign file systems cannot
                raise


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockedError(
            f"{folder}: another export writes here", hint="wait for it to end, then run this again"
        ) from None


def _first_members(read: Callable[[int], bytes], where: str) -> Iterator[tuple[str, bytes]]:
    """Read the root, and what comes next: the signature, where there is one."""
    for _ in range(2):
        header = tar.read_header(read, where=where)
        if header is None or header.size_bytes > ROOT_MOST_BYTES:
            return
        yield header.name, read(header.size_bytes)
        read(tar.padding(header.size_bytes))
