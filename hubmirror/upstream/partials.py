"""A file on its way, and the journal that lets a later run go on with it.

Beside the bytes lies ``<name>.journal``: a first line says which version of the file this is
(a hash of its address, validators, length), each further line a span that is written, or a
digest of the file's beginning. Appended to, never rewritten: a torn last line is passed over.
Invariant: whatever the journal names was written before; after a power cut only what a digest
vouches for is believed, since the kernel may have written the journal before the bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hubmirror.records import Digest

STEP_BYTES = 1024 * 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Span = tuple[int, int]
"""From a first byte to before a last one."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a host says of the bytes at an address: enough to know them again.

    Attributes:
        size_bytes: None where the host does not say.
    """

    etag: str = ""
    modified: str = ""
    size_bytes: int | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], size_bytes: int | None) -> Version:
        """Read what an answer says."""
        return cls(headers.get("ETag", ""), headers.get("Last-Modified", ""), size_bytes)

    @property
    def condition(self) -> str:
        """The value of If-Range; empty where parts of two versions could not be told apart."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.modified

    def agrees(self, other: Version) -> bool:
        """Tell whether two answers speak of the same bytes, as far as both say.

        Where both have an ETag the dates do not matter: the nodes of one host may differ there.
        """
        sizes = {self.size_bytes, other.size_bytes} - {None}
        tags = {self.etag, other.etag} - {""}
        dates = {self.modified, other.modified} - {""}
        has_tags = bool(self.etag and other.etag)
        return len(sizes) <= 1 and (len(tags) == 1 if has_tags else len(dates) <= 1)


class Partial:
    """One such file; used from several threads, closed after use."""

    def __init__(self, path: Path, address: str) -> None:
        self._path = path
        self._journal_path = path.with_name(f"{path.name}.journal")
        self._address = Digest.of(address.encode()).hex
        self._lock = threading.Lock()
        self._journal = -1
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.version = Version()
        self.spans: list[Span] = []
        self.vouched: tuple[int, str] = (0, hashlib.sha256().hexdigest())
        self._resume()

    def close(self) -> None:
        """Let go of the file; it stays for the next run."""
        os.close(self.descriptor)
        self._close_journal()

    def __enter__(self) -> Partial:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, version: Version) -> None:
        """Start from nothing, with what the host says of the file now."""
        os.ftruncate(self.descriptor, 0)
        self._close_journal()
        self._journal_path.unlink(missing_ok=True)
        self.version, self.spans = version, []
        self.vouched = (0, hashlib.sha256().hexdigest())
        is_small = version.size_bytes is not None and version.size_bytes <= STEP_BYTES
        if version.condition and not is_small:
            self._open_journal()
            self._note({"address": self._address, "boot": _boot_id(), **asdict(version)})

    def write(self, offset: int, piece: memoryview) -> None:
        """Write bytes; they count once ``finish`` names them."""
        while piece:
            written = os.pwrite(self.descriptor, piece, offset)
            piece, offset = piece[written:], offset + written

    def finish(self, start: int, stop: int) -> None:
        """Count a span as written."""
        with self._lock:
            self.spans = _merged([*self.spans, (start, stop)])
            self._note({"start": start, "stop": stop})

    def vouch(self, size_bytes: int, digest: str) -> None:
        """Remember the digest of the file's first bytes."""
        with self._lock:
            self._note({"checked": size_bytes, "sha256": digest})

    @property
    def front(self) -> int:
        """The size of the file's beginning that has no gap."""
        spans = self.spans
        return spans[0][1] if spans and spans[0][0] == 0 else 0

    @property
    def held_bytes(self) -> int:
        """How much of the file is there."""
        return sum(stop - start for start, stop in self.spans)

    def gaps(self) -> list[Span]:
        """Return what is missing of a file whose size is known."""
        if self.version.size_bytes is None:
            raise AssertionError
        edges = [0, *(edge for span in self.spans for edge in span), self.version.size_bytes]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [(start, stop) for start, stop in pairs if start < stop]

    def _resume(self) -> None:
        """Believe what an earlier run left; whatever is odd about it means: from the start."""
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            head, *notes = _notes(self._journal_path)
            version = Version(head["etag"], head["modified"], head["size_bytes"])
            if head["address"] != self._address or not version.condition:
                return
            vouched = [(note["checked"], note["sha256"]) for note in notes if "checked" in note]
            spans = [(note["start"], note["stop"]) for note in notes if "start" in note]
            if vouched:
                self.vouched = vouched[-1]
            if head["boot"] != _boot_id():
                spans = [(0, self.vouched[0])] if self.vouched[0] else []
            size = os.fstat(self.descriptor).st_size
            if any(not 0 <= start < stop <= size for start, stop in spans):
                return
            self.version, self.spans = version, _merged(spans)
            self._open_journal()

    def _open_journal(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._journal = os.open(self._journal_path, flags, 0o600)

    def _close_journal(self) -> None:
        if self._journal >= 0:
            os.close(self._journal)
            self._journal = -1

    def _note(self, fields: Mapping[str, object]) -> None:
        if self._journal >= 0:
            # The line starts with its break: one that a full disk tore harms no other.
            os.write(self._journal, b"\n" + json.dumps(fields).encode())


def is_begun(path: Path) -> bool:
    """Tell whether an earlier run left something that can be gone on with."""
    return os.path.exists(f"{path}.journal")  # noqa: PTH110 - asked for every small file


def discard(path: Path) -> None:
    """Forget a partial file with its journal; the journal goes first."""
    discard_journal(path)
    path.unlink(missing_ok=True)


def discard_journal(path: Path) -> None:
    """Forget the journal of a file that is complete and was moved."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}.journal")  # noqa: PTH108 - tried for every small file


def _notes(path: Path) -> list[dict[str, Any]]:
    notes = []
    for line in path.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError):
            notes.append(json.loads(line))
    return notes


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
