"""Weights over HTTP, and from ``file://``: bytes in, digest out.

Hashes while it writes, and goes on where an earlier run was killed; knows nothing of mirrors
or of what digest is expected.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from hubmirror import files, urls
from hubmirror.errors import GoneError, HubmirrorError, StorageError, UpstreamError
from hubmirror.records import Digest
from hubmirror.upstream import refusals, small
from hubmirror.upstream.connections import Answer, Connections
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.download import Download, Terms
from hubmirror.upstream.following import Follower
from hubmirror.upstream.pace import Pace
from hubmirror.upstream.partials import Partial, Version, discard, discard_journal, is_begun
from hubmirror.upstream.refusals import PassingError, StatusError
from hubmirror.upstream.retries import Budget, Retries

__all__ = ["Fetched", "HttpUpstream", "Terms", "Version", "discard", "discard_journal"]


_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a URL gave.

    Attributes:
        redirect: The place (scheme, host, path) that answered, empty when the URL itself did.
        is_pieced: Whether the bytes came in several pieces: a host that lies about ranges
            may have mixed them up.
    """

    digest: Digest
    size_bytes: int
    redirect: str
    etag: str
    is_pieced: bool = False


class HttpUpstream:
    """Fetches weights; one object serves all threads of a sync, and is closed after it."""

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        proxies: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        pace: Pace | None = None,
        budget: Budget | None = None,
        connections_per_host: int = 4,
        first_wait_s: float = 0.5,
        stall_s: float = 60,
    ) -> None:
        self._pace = pace or Pace(0)
        self._first_wait_s = first_wait_s
        self._budget = budget or Budget()
        self._connections = Connections(
            ca_bundle=ca_bundle,
            proxies=proxies,
            credentials=credentials,
            most_per_host=connections_per_host,
            stall_s=stall_s,
        )

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def __enter__(self) -> HttpUpstream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(self, url: str, path: Path, terms: Terms) -> Fetched:
        """Bring the bytes of a URL (``http``, ``https`` or ``file``) into a file.

        What an earlier call left at ``path`` is gone on with, if the host still has that
        version. What may pass (no connection, a broken body, 429, 5xx) is tried four times in
        all, with growing waits; a server's Retry-After is honoured up to a minute. The file
        and its journal stay, also after success, until they are moved or ``discard``-ed.

        Raises:
            UpstreamError: naming the URL and what came instead of the bytes.
            StorageError: when they could not be written; what was written stays.
        """
        try:
            if url.startswith("file:"):
                with Partial(path, urls.canonical(url)) as partial:
                    return _copy(url, partial, terms)
            slots = self._connections.slots(url, terms.shown)
            slots.take()
            try:
                return self._fetch(url, path, terms)
            finally:
                slots.give_back()
        except OSError as error:
            raise _storage_error(error, path, terms.shown) from error

    def post(self, url: str, question: bytes, headers: Mapping[str, str], shown: str) -> bytes:
        """Return the answer to a question, which is tried again as ``fetch`` is.

        Raises:
            UpstreamError: when none came, or one that is too long to be an answer.
        """
        lines = {**headers, "Content-Length": str(len(question))}
        return self._read(url, shown, lines, method="POST", body=question)

    def get(self, url: str, shown: str) -> bytes:
        """Return a short text that is no file of anybody's; tried again as ``fetch`` is.

        Raises:
            UpstreamError: when none came, or one that is too long.
        """
        return self._read(url, shown, {}, method="GET", body=b"")

    def _read(
        self, url: str, shown: str, lines: Mapping[str, str], *, method: str, body: bytes
    ) -> bytes:
        retries = Retries(shown, first_wait_s=self._first_wait_s, budget=self._budget)
        while True:
            try:
                with self._connections.ask(url, shown, lines, method=method, body=body) as answer:
                    return small.read(answer, shown)
            except PassingError as failure:
                retries.wait(failure, gained_bytes=0)

    def size(self, url: str) -> int | None:
        """Ask once how large a file is; None where its host does not say, whatever the reason."""
        try:
            if url.startswith("file:"):
                return _local_path(url).stat().st_size
            slots = self._connections.slots(url, url)
            slots.take()
            try:
                with self._connections.ask(url, url, {}, method="HEAD") as answer:
                    return answer.size_bytes
            finally:
                slots.give_back()
        except (PassingError, HubmirrorError, OSError):
            return None

    def look(self, url: str, shown: str) -> Version:
        """Ask once what is at an address, and take none of its bytes.

        What a host refuses to HEAD it may well give: then the first byte is asked for.

        Raises:
            GoneError: when it says that nothing is there.
            UpstreamError: when it says nothing of use.
        """
        if url.startswith("file:"):
            return _look_at_file(url, shown)
        slots = self._connections.slots(url, shown)
        slots.take()
        try:
            with (
                contextlib.suppress(StatusError),
                self._connections.ask(url, shown, {}, method="HEAD") as answer,
            ):
                return Version.of(answer.headers, answer.size_bytes)
            with self._connections.ask(url, shown, {"Range": "bytes=0-0"}) as answer:
                return Version.of(answer.headers, _size_of_whole(answer))
        except PassingError as failure:
            raise failure.cause from failure
        except StatusError as error:
            if error.status in _GONE:
                raise GoneError(error.message, hint=error.hint) from error
            raise
        finally:
            slots.give_back()

    def _fetch(self, url: str, path: Path, terms: Terms) -> Fetched:
        retries = Retries(terms.shown, first_wait_s=self._first_wait_s, budget=self._budget)
        first = None if is_begun(path) else self._begin(url, path, terms, retries)
        if isinstance(first, Fetched):
            return first
        with first or contextlib.nullcontext(), Partial(path, urls.canonical(url)) as partial:
            return self._fetch_large(url, partial, terms, retries, first)

    def _begin(self, url: str, path: Path, terms: Terms, retries: Retries) -> Fetched | Answer:
        """Fetch a small file; of any other return the answer, of which nothing is read yet."""
        while True:
            try:
                answer = self._connections.ask(url, terms.shown, {}, logins=terms.logins)
                if not small.is_small(answer):
                    return answer
                with answer:
                    digest = small.receive(answer, path, self._pace, terms)
            except PassingError as failure:
                retries.wait(failure, gained_bytes=0)
                continue
            etag = answer.headers.get("ETag", "")
            return _fetched(url, answer.final, digest, answer.size_bytes or 0, etag)

    def _fetch_large(
        self, url: str, partial: Partial, terms: Terms, retries: Retries, first: Answer | None
    ) -> Fetched:
        download = Download(url, partial, self._connections, self._pace, terms, first)
        try:
            size = _run(download, partial, retries)
            refusals.refuse_empty(size, terms.shown)
            digest = download.follower.finish(size)
        finally:
            download.end()
        if not download.follower.is_sound:  # the disk lost what an earlier run had written
            partial.begin(Version())
            return self._fetch_large(url, partial, terms, retries, None)
        found = _fetched(url, download.final, digest, size, partial.version.etag)
        return replace(found, is_pieced=download.is_pieced)


def _fetched(url: str, final: str, digest: Digest, size_bytes: int, etag: str) -> Fetched:
    redirect = urls.place(final) if final != url and urls.is_plain(final) else ""
    return Fetched(digest, size_bytes, redirect, etag)


def _run(download: Download, partial: Partial, retries: Retries) -> int:
    while True:
        before = partial.held_bytes
        try:
            return download.run()
        except PassingError as failure:
            retries.wait(failure, gained_bytes=partial.held_bytes - before)


def _copy(url: str, partial: Partial, terms: Terms) -> Fetched:
    """Fetch from a file of this machine."""
    partial.begin(Version())
    try:
        source = _local_path(url).open("rb")
    except OSError as error:
        raise UpstreamError(f"{terms.shown}: {error.strerror}") from error
    with source:
        size = _copy_pieces(source, partial, terms)
    refusals.refuse_empty(size, terms.shown)
    return Fetched(Follower(partial).finish(size), size, redirect="", etag="")


def _size_of_whole(answer: Answer) -> int | None:
    """Return how large the file is of which an answer has all, or a part."""
    if answer.status == 200:
        return answer.size_bytes
    total = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdecimal() else None


def _look_at_file(url: str, shown: str) -> Version:
    try:
        found = _local_path(url).stat()
    except FileNotFoundError as error:
        raise GoneError(f"{shown}: {error.strerror}") from error
    except OSError as error:
        raise UpstreamError(f"{shown}: {error.strerror}") from error
    return Version("", str(found.st_mtime_ns), found.st_size)


def _local_path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def _copy_pieces(source: IO[bytes], partial: Partial, terms: Terms) -> int:
    size = 0
    while piece := source.read(files.CHUNK_BYTES):
        if size == 0 and terms.is_weights:
            refusals.refuse_page(piece, terms.shown)
        partial.write(size, memoryview(piece))
        size += len(piece)
        refusals.refuse_too_much(size, terms.most_bytes, terms.shown)
        terms.progress(len(piece))
    return size


def _storage_error(error: OSError, path: Path, shown: str) -> StorageError:
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "make room and run sync again: it goes on where this stopped"
    return StorageError(f"{shown}: cannot be written to {path.parent}: {error.strerror}", hint=hint)
