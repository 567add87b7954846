"""Answers one traced call, and remembers what it asked.

Used from a thread for each process of the call. Whatever the child makes of an answer, what it
asked is on record.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from hubmirror import urls
from hubmirror.errors import HubmirrorError
from hubmirror.hub.recording.messages import (
    Answer,
    Bytes,
    Ended,
    Failed,
    FilesAsked,
    Imported,
    Noted,
    NotThere,
    Question,
    Ran,
    Refused,
    RepoAsked,
    Snapshot,
    UrlAsked,
    Urls,
)
from hubmirror.records import CheckpointRow
from hubmirror.resolve import Spec
from hubmirror.tracing.bytes_of import storable
from hubmirror.tracing.means import Means
from hubmirror.tracing.traces import (
    ABSENT,
    Asker,
    Distribution,
    Located,
    SeenRepo,
    SeenUrl,
    Target,
    Trace,
)
from hubmirror.upstream.refusals import StatusError

_FOR_WEIGHTS = ("load_state_dict_from_url", "download_url_to_file")


class Recorder:
    """The record of one call, while it runs."""

    def __init__(self, target: Target, means: Means) -> None:
        self._means = means
        self._lock = threading.Lock()
        self._trace = Trace(target, error="it ended before its call did")

    def trace(self) -> Trace:
        """Return what was seen so far."""
        with self._lock:
            return self._trace

    def answer(self, question: Question) -> Answer:
        """Answer a question, or take note of what is told; never raises."""
        match question:
            case UrlAsked():
                return self._answer_url(question)
            case RepoAsked():
                return self._answer_repo(question)
            case FilesAsked():
                return self._answer_files(question)
            case Refused():
                asker = Asker(question.repo, question.place)
                self._note(lambda trace: _unrecorded(trace, question.what, asker))
            case Ran():
                asker = Asker(question.repo, question.place)
                what = f"what {question.program} fetched, if anything"
                self._note(lambda trace: _unrecorded(trace, what, asker))
            case Imported():
                self._note(lambda trace: _imported(trace, question))
            case Ended():
                self._note(
                    lambda trace: replace(trace, error=question.error, result=question.result)
                )
        return Noted()

    def _note(self, change: Callable[[Trace], Trace]) -> None:
        with self._lock:
            self._trace = change(self._trace)

    def _answer_url(self, asked: UrlAsked) -> Answer:
        if self._means.bytes_of.is_near(asked.url):
            asker = Asker(asked.repo, asked.place)
            what = (
                f"{urls.redact(asked.url)}, a file of this machine: only what the manifest names "
                "under `checkpoints:` is taken from there"
            )
            self._note(lambda trace: _unrecorded(trace, what, asker))
            return Failed("", "")
        name = storable(asked.url)
        seen = SeenUrl(
            url=name or urls.redact(asked.url),
            status=0,
            row=None,
            failure="" if name else "its address carries a secret, and nobody may store it",
            by=asked.by,
            method=asked.method,
            hash_prefix=asked.hash_prefix,
            file=asked.file,
            asker=Asker(asked.repo, asked.place),
        )
        may_be_page = asked.by not in _FOR_WEIGHTS
        try:
            row = self._means.bytes_of.bring(asked.url, may_be_page=may_be_page)
            path = self._means.bytes_of.path(row.digest)
        except StatusError as error:
            if error.status in ABSENT:
                self._add_url(replace(seen, status=error.status))
                return NotThere(error.status)
            self._add_url(replace(seen, status=error.status, failure=error.message))
            return Failed(error.message, error.hint)
        except HubmirrorError as error:
            self._add_url(replace(seen, failure=error.message))
            return Failed(error.message, error.hint)
        self._add_url(replace(seen, status=200, row=row))
        return _bytes(row, str(path))

    def _add_url(self, seen: SeenUrl) -> None:
        self._note(lambda trace: _with_url(trace, seen))

    def _answer_repo(self, asked: RepoAsked) -> Answer:
        spec_text = f"{asked.name}:{asked.ref}" if asked.ref else asked.name
        asker = Asker(asked.repo, asked.place)
        try:
            found = self._means.locator.locate(Spec.parse(spec_text))
            path = self._means.bytes_of.path(found.snapshot.digest)
        except HubmirrorError as error:
            seen = SeenRepo(spec_text, None, error.message, asker)
            self._note(lambda trace: _with_repo(trace, seen))
            return Failed(error.message, error.hint)
        seen = SeenRepo(spec_text, found, "", asker)
        self._note(lambda trace: _with_repo(trace, seen))
        return _snapshot(found, str(path))

    def _answer_files(self, asked: FilesAsked) -> Answer:
        try:
            return Urls(tuple(self._means.list_files(asked.prefix)))
        except HubmirrorError as error:
            what = f"the list of files: {error.message}"
            asker = Asker(asked.repo, asked.place)
            self._note(lambda trace: _unrecorded(trace, what, asker))
            return Failed(error.message, error.hint)


def _unrecorded(trace: Trace, what: str, asker: Asker) -> Trace:
    line = f"{what} (by {asker})" if str(asker) else what
    return replace(trace, unrecorded=tuple(dict.fromkeys((*trace.unrecorded, line))))


def _imported(trace: Trace, told: Imported) -> Trace:
    parts = (one.split(" ") for one in told.distributions)
    found = {Distribution(told.repo, *three) for three in parts if len(three) == 3}
    return replace(trace, distributions=tuple(sorted({*trace.distributions, *found})))


def _with_url(trace: Trace, seen: SeenUrl) -> Trace:
    if seen in trace.urls:
        return trace
    return replace(trace, urls=(*trace.urls, seen))


def _with_repo(trace: Trace, seen: SeenRepo) -> Trace:
    if any(one.asked == seen.asked for one in trace.repos):
        return trace
    return replace(trace, repos=(*trace.repos, seen))


def _bytes(row: CheckpointRow, path: str) -> Bytes:
    contents = row.contents
    return Bytes(row.digest.hex, row.size_bytes, contents.kind.value, contents.globals, path)


def _snapshot(found: Located, path: str) -> Snapshot:
    row = found.snapshot
    return Snapshot(
        title=found.spec.title,
        url=found.spec.url,
        default_branch=found.default_branch,
        ref=found.ref.name,
        ref_kind=found.ref.kind.value,
        commit=row.commit,
        sha256=row.digest.hex,
        size_bytes=row.size_bytes,
        entrypoints=row.entrypoints,
        dependencies=row.dependencies,
        requires_torch=row.requires_torch,
        path=path,
    )
