"""One file from one address into its partial file: one stream, and more while they help.

The stream that asked first goes through the file from its first gap on. While more connections
make it faster, further streams take blocks of what lies before it. Only the first stream is
tried again by its owner; another one that fails gives its block back and ends.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from hubmirror.errors import HubmirrorError, UpstreamError
from hubmirror.files import CHUNK_BYTES
from hubmirror.upstream import refusals
from hubmirror.upstream.claims import BLOCK_BYTES, Claim, Claims
from hubmirror.upstream.connections import Answer, Connections
from hubmirror.upstream.credentials import Logins
from hubmirror.upstream.following import Follower
from hubmirror.upstream.growth import Growth
from hubmirror.upstream.pace import Pace
from hubmirror.upstream.partials import STEP_BYTES, Partial, Version
from hubmirror.upstream.refusals import NoSuchRangeError, PassingError

_log = logging.getLogger(__name__)

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Terms:
    """How one URL is fetched.

    Attributes:
        shown: What messages call the URL; it may hold a secret itself.
        most_bytes: Refuse more than this.
        progress: Told of each piece's size in bytes, from several threads.
        announced: Told of the size in bytes before the first piece, where the host says it.
        ranges: False asks for no parts: one stream, from the start.
        logins: Who we are in this fetch; None for who we are in this run.
        is_weights: Whether a web page cannot be meant.
    """

    shown: str
    most_bytes: int | None = None
    progress: Callable[[int], None] = lambda _: None
    announced: Callable[[int], None] = lambda _: None
    ranges: bool = True
    logins: Logins | None = None
    is_weights: bool = True


class Download:
    """One address on its way into a partial file; its owner calls ``run`` until it returns."""

    def __init__(
        self,
        url: str,
        partial: Partial,
        connections: Connections,
        pace: Pace,
        terms: Terms,
        first: Answer | None,
    ) -> None:
        """Go on with a partial file, or with the answer to a first request for all of it."""
        self._url = url
        self._first = first
        self._partial = partial
        self._connections = connections
        self._pace = pace
        self._terms = terms
        self._lock = threading.Lock()
        self._growth = Growth()
        self._helpers: list[threading.Thread] = []
        self._silent: set[int] = set()
        self._received = 0
        self._is_over = False
        self._trusts_ranges = terms.ranges
        self._can_grow = False
        self._is_stale = False
        self._has_changed = False
        self._claims = Claims([Claim(0, None)])
        self.follower = Follower(partial)
        self.final = url
        self.is_pieced = bool(partial.spans)
        """Whether the bytes came in more than one piece."""
        if partial.spans:
            size = partial.version.size_bytes
            gaps = [(partial.front, None)] if size is None else partial.gaps()
            self._claims = Claims(Claim(start, stop) for start, stop in gaps)
            self.follower.follow()

    def run(self) -> int:
        """Fetch what is missing, and return the file's size in bytes.

        Raises:
            PassingError: when the next attempt may do better; what came is kept.
            UpstreamError: when no attempt would do better.
        """
        can_go_on = self._partial.version.condition and self._trusts_ranges
        if self._is_stale or (self._partial.spans and not can_go_on):
            self.end()
            self._partial.begin(Version())
            self._claims = Claims([Claim(0, None)])
            self.follower = Follower(self._partial)
            self._is_stale = False
        while True:
            while claim := self._claims.take(block_only=self._streams() > 1):
                self._stream(claim, 1)
            for helper in self._helpers:
                helper.join()
            if not self._claims.is_left():  # a helper that failed gave its block back
                return self._partial.front

    def end(self) -> None:
        """End every thread; what came is kept."""
        self._is_over = True
        for helper in self._helpers:
            helper.join()
        self._helpers.clear()
        self._is_over = False
        self.follower.stop()

    # --- How many streams -----------------------------------------------------------------

    def _streams(self) -> int:
        return 1 + sum(helper.is_alive() for helper in self._helpers)

    def _grow(self) -> None:
        """Add streams while they make the whole faster; called by the first stream."""
        size, now = self._partial.version.size_bytes, time.monotonic()
        if self._silent:
            self._growth.restart(now, self._received)
        if not self._can_grow or size is None or not self._growth.is_due(now):
            return
        if size - self._partial.held_bytes < 2 * BLOCK_BYTES:
            return
        slots = self._connections.slots(self._url, self._terms.shown)
        streams, spare = self._streams(), slots.spare
        for _ in range(self._growth.more(now, self._received, streams, spare)):
            if not slots.try_take():
                return
            number = len(self._helpers) + 2
            helper = threading.Thread(target=self._help, args=[number], name="range", daemon=True)
            self._silent.add(number)
            self._helpers.append(helper)
            helper.start()

    def _help(self, number: int) -> None:
        try:
            while number <= self._growth.keep and (claim := self._claims.take(block_only=True)):
                self._stream(claim, number)
        except (PassingError, HubmirrorError, OSError) as error:
            _log.info("%s: goes on with fewer connections: %s", self._terms.shown, error)
            self._growth.is_settled = True
        finally:
            self._silent.discard(number)
            self._connections.slots(self._url, self._terms.shown).give_back()

    # --- One stream -----------------------------------------------------------------------

    def _stream(self, claim: Claim, number: int) -> None:
        is_part = claim.at > 0 or claim.stop not in (None, self._partial.version.size_bytes)
        has_answered = False
        try:
            with self._ask(claim) as answer:
                has_answered = True
                if is_part and answer.status == 206:
                    self._check_part(answer, claim)
                    self.is_pieced = True
                else:
                    self._begin(answer, claim, number, is_part=is_part)
                self.final = answer.final
                self._silent.discard(number)
                if number == 1 and self._streams() == 1:
                    self._growth.restart(time.monotonic(), self._received, answer.waited_s)
                self._copy(answer, claim, number)
        except PassingError as failure:
            self.final = self._url
            self._trusts_ranges &= not isinstance(failure, NoSuchRangeError)
            raise
        except UpstreamError as error:
            if has_answered or self.final == self._url:
                raise
            self.final = self._url  # a signed address that expired: the next attempt gets another
            raise PassingError(error) from error
        finally:
            self._claims.give_back(claim)

    def _ask(self, claim: Claim) -> Answer:
        if first := self._first:
            self._first = None
            return first
        shown, logins = self._terms.shown, self._terms.logins
        lines = self._range(claim)
        return self._connections.ask(self._url, shown, lines, logins=logins, start=self.final)

    def _range(self, claim: Claim) -> dict[str, str]:
        version = self._partial.version
        if claim.at == 0 and claim.stop in (None, version.size_bytes):
            return {}
        last = "" if claim.stop is None else claim.stop - 1
        return {"Range": f"bytes={claim.at}-{last}", "If-Range": version.condition}

    def _begin(self, answer: Answer, claim: Claim, number: int, *, is_part: bool) -> None:
        """Start with the file's first byte; also where a part was asked for and refused."""
        shown = self._terms.shown
        if answer.status != 200 or number != 1:
            raise PassingError(UpstreamError(f"{shown}: gave another part than was asked for"))
        size = answer.size_bytes
        version = Version() if answer.is_packed else Version.of(answer.headers, size)
        refusals.refuse_too_much(size or 0, self._terms.most_bytes, shown)
        if is_part and version.agrees(self._partial.version):
            self._trusts_ranges = False  # or it would have given the part
        elif is_part:
            self._note_change()
        self._terms.announced(size or 0)
        self.end()
        self._partial.begin(version)
        self.follower = Follower(self._partial)
        self._claims.restart(claim, size)
        says_ranges = "bytes" in answer.headers.get("Accept-Ranges", "").lower()
        self._can_grow = says_ranges and self._trusts_ranges and bool(version.condition)

    def _check_part(self, answer: Answer, claim: Claim) -> None:
        shown, known = self._terms.shown, self._partial.version
        found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        start, last, size = (int(text) for text in found.groups()) if found else (-1, -1, -1)
        if found and not Version.of(answer.headers, size).agrees(known):
            self._note_change()
            self._is_stale = True
            raise PassingError(UpstreamError(f"{shown}: changed upstream while it was fetched"))
        if start != claim.at or last + 1 != (claim.stop or size) or answer.is_packed:
            self._trusts_ranges = False
            what = f"asked for bytes from {claim.at}, was given bytes from {start}"
            raise PassingError(UpstreamError(f"{shown}: {what}"))
        refusals.refuse_too_much(size, self._terms.most_bytes, shown)
        if known.size_bytes is None:
            self._partial.version = replace(known, size_bytes=size)
        claim.stop = last + 1
        self._can_grow = self._trusts_ranges

    def _note_change(self) -> None:
        if self._has_changed and not self._is_stale:
            raise UpstreamError(
                f"{self._terms.shown}: changes upstream again and again while it is fetched",
                hint="wait until its owner has finished, then run sync again",
            )
        self._has_changed = True

    def _copy(self, answer: Answer, claim: Claim, number: int) -> None:
        noted = claim.at
        pieces = answer.pieces() if answer.is_packed else _raw(answer, claim)
        try:
            for piece in pieces:
                self._store(claim, piece)
                if claim.at - noted >= STEP_BYTES:
                    self._partial.finish(noted, claim.at)
                    noted = claim.at
                    self.follower.follow()
                if number == 1:
                    self._grow()
                elif self._is_over:
                    return
        finally:
            if claim.at > noted:
                self._partial.finish(noted, claim.at)
        if claim.stop is None:
            claim.stop = claim.at
        elif claim.at < claim.stop:
            raise answer.broke_off("the connection was closed early")

    def _store(self, claim: Claim, piece: memoryview) -> None:
        if claim.at == 0 and self._terms.is_weights:
            refusals.refuse_page(bytes(piece), self._terms.shown)
        self._pace.take(len(piece))
        self._terms.progress(len(piece))
        end = claim.at + len(piece)
        refusals.refuse_too_much(end, self._terms.most_bytes, self._terms.shown)
        self._partial.write(claim.at, piece)
        claim.at = end
        with self._lock:
            self._received += len(piece)


def _raw(answer: Answer, claim: Claim) -> Iterator[memoryview]:
    """Go through the body as it is on the wire, in one buffer, up to the claim's end."""
    room = CHUNK_BYTES if claim.stop is None else min(CHUNK_BYTES, claim.stop - claim.at)
    buffer = memoryview(bytearray(room))
    while not claim.is_done():
        room = len(buffer) if claim.stop is None else claim.stop - claim.at
        size = answer.read_into(buffer[:room])
        if not size:
            return
        yield buffer[:size]
