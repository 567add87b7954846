"""A shelf whose every answer comes from the tracer, which has the network and we have not."""

from __future__ import annotations

import functools
import hashlib
import threading
import urllib.error
from collections.abc import Sequence
from email.message import Message
from http.client import responses
from pathlib import Path

from hubmirror.blobs import hash_file
from hubmirror.errors import HubmirrorError, NotMirroredError, OfflineMissError, VerificationError
from hubmirror.evidence import Quarantine
from hubmirror.hub.recording.channel import Channel
from hubmirror.hub.recording.messages import (
    Answer,
    Bytes,
    Failed,
    FilesAsked,
    NotThere,
    Refused,
    RepoAsked,
    Snapshot,
    UrlAsked,
    Urls,
)
from hubmirror.hub.recording.places import Places
from hubmirror.hub.recording.watching import watch
from hubmirror.hub.shelves import Asked
from hubmirror.hub.verification import BytesAt
from hubmirror.records import (
    BlobRef,
    CheckpointRow,
    Contents,
    Digest,
    RefKind,
    RefRow,
    RepoKey,
    RepoRow,
    SnapshotRow,
    Unit,
    UnitState,
    WeightsKind,
)
from hubmirror.resolve import Resolved, Spec


@functools.cache
def recording_shelf(address: str, cache: Path) -> RecordingShelf:
    """Return the one shelf of this process that asks the tracer at an address."""
    channel, places = Channel(address), Places(cache)
    watch(channel, places)
    return RecordingShelf(channel, places)


class Received:
    """Where the bytes lie that the tracer has told us of."""

    def __init__(self) -> None:
        self._paths: dict[Digest, Path] = {}
        self._lock = threading.Lock()

    def add(self, digest: Digest, path: str) -> None:
        """Remember a place."""
        with self._lock:
            self._paths[digest] = Path(path)

    def check(self, blob: BlobRef, *, full: bool) -> Path:
        """Return where a blob lies; ``full`` hashes it.

        Raises:
            VerificationError: when it is nowhere, or other bytes lie there.
        """
        path = self._paths.get(blob.digest)
        if path is None or path.stat().st_size != blob.size_bytes:
            raise VerificationError(f"{blob.digest}: its bytes are not where the tracer said")
        if full and (got := hash_file(path)) != blob.digest:
            raise VerificationError(f"{path}: expected sha256 {blob.digest}, got {got}")
        return path


class RecordingShelf:
    """Asks for each thing when code asks for it; see ``Shelf``."""

    place = "upstream"
    tag = "trace"
    quarantine = Quarantine()

    def __init__(self, channel: Channel, places: Places) -> None:
        self._channel = channel
        self._places = places
        self._received = Received()

    def __str__(self) -> str:
        return "upstream, while it is traced"

    @property
    def blobs(self) -> BytesAt:
        """What was received so far."""
        return self._received

    def resolve(self, spec: Spec) -> Resolved:
        """Let the tracer find a repo, and bring its snapshot here.

        Raises:
            NotMirroredError: when upstream does not give it.
        """
        here = self._places.here()
        answer = self._channel.ask(RepoAsked(spec.name, spec.ref, here.repo, here.line))
        match answer:
            case Snapshot():
                resolved = _resolved(spec, answer)
                self._places.add(resolved.repo, resolved.ref)
                self._received.add(resolved.snapshot.digest, answer.path)
                return resolved
            case Failed():
                raise NotMirroredError(answer.message, hint=answer.hint)
            case _:
                raise _is_none(answer)

    def find(self, url: str, asked: Asked) -> CheckpointRow | None:
        """Let the tracer fetch a URL.

        Raises:
            HTTPError: when its host has no such thing.
            OfflineMissError: when it could not be had.
        """
        here = self._places.here()
        file = asked.file or ("checkpoints" if asked.by == "load_state_dict_from_url" else "")
        kind = file if file == "checkpoints" else self._places.kind_of(file)
        answer = self._channel.ask(
            UrlAsked(url, asked.by, asked.method, asked.hash_prefix, kind, here.repo, here.line)
        )
        match answer:
            case Bytes():
                digest = Digest(answer.sha256)
                self._received.add(digest, answer.path)
                contents = Contents(WeightsKind(answer.kind), answer.globals)
                return CheckpointRow(url, digest, answer.size_bytes, contents=contents)
            case NotThere():
                said = responses.get(answer.status, "")
                raise urllib.error.HTTPError(url, answer.status, said, Message(), None)
            case Failed() if not answer.message:
                return None
            case Failed():
                raise OfflineMissError(answer.message, hint=answer.hint)
            case _:
                raise _is_none(answer)

    def urls_below(self, prefix: str) -> Sequence[str]:
        """Let the tracer ask which files there are."""
        here = self._places.here()
        answer = self._channel.ask(FilesAsked(prefix, here.repo, here.line))
        return answer.urls if isinstance(answer, Urls) else ()

    def rows_below(self, prefix: str) -> Sequence[CheckpointRow]:
        """Nothing is known before it is asked for."""
        return ()

    def why_missing(self, url: str) -> tuple[str, Sequence[str]]:
        """Nothing is known of what is near."""
        return "", ()

    def refused(self, what: str) -> None:
        """Let the tracer know what it could not see."""
        here = self._places.here()
        self._channel.ask(Refused(what, here.repo, here.line))

    def missed(self, error: NotMirroredError) -> None:
        """Nothing: the tracer has given the answer, and knows."""


def _resolved(spec: Spec, found: Snapshot) -> Resolved:
    key = RepoKey.parse(found.title)
    ref = RefRow(found.ref, RefKind(found.ref_kind), found.commit)
    row = SnapshotRow(
        commit=found.commit,
        digest=Digest(found.sha256),
        size_bytes=found.size_bytes,
        entrypoints=found.entrypoints,
        open_ended=True,
        dependencies=found.dependencies,
        requires_torch=found.requires_torch,
        about=Digest(hashlib.sha256().hexdigest()),
        about_size_bytes=0,
    )
    repo = RepoRow(found.title, key, found.url, found.default_branch, (), (ref,), (row,))
    return Resolved(spec, Unit("trace", str(key), UnitState.COMPLETE, "", repo, ()), repo, ref, row)


def _is_none(answer: Answer) -> HubmirrorError:
    return HubmirrorError(f"the tracer gave an answer to another question: {answer}")
