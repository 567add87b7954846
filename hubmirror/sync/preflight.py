"""Refuses a run that cannot fit on its disks, before anything of it is fetched.

A size comes from the lock. Where the lock has none its host is asked (HEAD), once, but only if
room is scarce: if the run would not fit were each such file as large as its ``max_size``, or 4 GB.
A size that nobody tells counts for nothing here: such a file is refused alone when its size
comes with it, and a disk that fills up leaves what can be gone on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from hubmirror.errors import HubmirrorError
from hubmirror.plan import SourcePlan
from hubmirror.specs import CheckpointSpec
from hubmirror.sync.fetching import FetchKey, fetch_key
from hubmirror.sync.room import Room
from hubmirror.sync.weights import addresses
from hubmirror.upstream.http import HttpUpstream

_ROOMY_BYTES = 4_000_000_000
"""What a file of unknown size is taken for, to tell whether its size can matter."""
PATIENCE_S = 20.0
"""How long a run waits for all sizes together."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file that a run is going to fetch; its size is None where nobody knows it yet."""

    spec: CheckpointSpec
    size_bytes: int | None
    most_bytes: int | None

    @property
    def guess_bytes(self) -> int:
        """How large it is, or may well be."""
        known = self.size_bytes
        return known if known is not None else self.most_bytes or _ROOMY_BYTES

    @property
    def is_too_large(self) -> bool:
        """Whether it will be refused, and take no room."""
        return bool(self.size_bytes and self.most_bytes and self.size_bytes > self.most_bytes)


class Preflight:
    """Compares the sizes of what a run fetches with the room that there is."""

    def __init__(self, room: Room, expand: Callable[[str], str], jobs: int) -> None:
        self._room = room
        self._expand = expand
        self._jobs = jobs

    def check(self, plans: Iterable[SourcePlan], connect: Callable[[], HttpUpstream]) -> None:
        """Refuse what cannot fit; ``connect`` is called only where hosts must be asked.

        Raises:
            OSError: ENOSPC with both figures.
        """
        files = list(_files(plans))
        if not files or self._room.holds(sum(file.guess_bytes for file in files)):
            return
        known = [file for file in files if file.size_bytes is not None]
        self._check(known)
        if len(known) < len(files):
            with connect() as http:
                told = self._ask([file for file in files if file.size_bytes is None], http)
            self._check([*known, *told])

    def _check(self, files: Iterable[_File]) -> None:
        sizes = {
            self._room.partial(address): file.size_bytes or 0
            for file in files
            if not file.is_too_large and (address := self._address(file))
        }
        self._room.check_all(sizes, at_once=self._jobs)

    def _address(self, file: _File) -> str:
        try:
            return next(addresses(file.spec, self._expand)).url
        except HubmirrorError:  # a variable that is not set: said when the file is fetched
            return ""

    def _ask(self, files: Iterable[_File], http: HttpUpstream) -> list[_File]:
        """Ask for sizes, for so long and no longer; return the files of whoever answered."""
        pool = ThreadPoolExecutor(self._jobs)
        asked = {
            pool.submit(http.size, address): file
            for file in files
            if (address := self._address(file))
        }
        try:
            told, _ = wait(asked, timeout=PATIENCE_S)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return [replace(asked[one], size_bytes=one.result()) for one in told]


def _files(plans: Iterable[SourcePlan]) -> Iterator[_File]:
    """Go through what the plans fetch, each file once."""
    seen: set[FetchKey] = set()
    for plan in plans:
        for unit in plan.units:
            most = unit.most_bytes(plan.manifest.settings)
            for wanted in unit.fetch:
                if (key := fetch_key(wanted)) in seen:
                    continue
                seen.add(key)
                locked = plan.lock.checkpoint(wanted.spec.url) if plan.lock else None
                yield _File(wanted.spec, locked.size_bytes if locked else None, most)
