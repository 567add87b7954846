"""Brings in what Git LFS pointers stand for, and keeps it until their snapshot is safe.

Owns: the order of questions. Invariant: an object that is handed out has the sha256 and the
size that its pointer says; one that a killed run left is hashed again before it is believed.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hubmirror import urls
from hubmirror.blobs import hash_file
from hubmirror.errors import InvalidInputError, StorageError, UpstreamError, VerificationError
from hubmirror.records import Digest
from hubmirror.sync.room import Room
from hubmirror.sync.weights import fetch_checked
from hubmirror.upstream import lfs
from hubmirror.upstream.http import Fetched, HttpUpstream, Terms, discard_journal
from hubmirror.upstream.pointers import Pointed, Pointer
from hubmirror.upstream.refusals import StatusError

_AT_ONCE = 4
_MOST_EXTRA_BYTES = 1024 * 1024
_INSTEAD = "or write `lfs: pointer` to mirror the pointers as they are"
_LOGIN = "give a token for this host, or a login in netrc"
_HINTS = {
    401: _LOGIN,
    403: f"{_LOGIN}, look whether the owner's Git LFS quota is used up",
    404: f"check the URL, {_LOGIN} if the repo is private",
    410: "check the URL",
}


class ObjectFetcher:
    """The means by which one sync fetches Git LFS objects; used from several threads.

    ``open_http`` is called when the first object is wanted; what it gives logs in as git does.
    """

    def __init__(
        self, open_http: Callable[[], HttpUpstream], room: Room, check_stop: Callable[[], None]
    ) -> None:
        self._open_http = open_http
        self._room = room
        self._check_stop = check_stop
        self._opening = threading.Lock()
        self._http: HttpUpstream | None = None
        self._whole: set[Digest] = set()
        self._at_path: dict[Path, threading.Lock] = {}

    def bring(self, wanted: Sequence[Pointed]) -> Mapping[Digest, Path]:
        """Bring in the objects of a repo and its submodules; return where each is.

        Raises:
            HubmirrorError: naming the repo, the file, and why its object cannot be had.
        """
        for repo in wanted:
            missing = [pointer for pointer in sorted(repo.files) if not self._is_here(pointer)]
            self._check_room(missing, repo)
            if missing:
                self._bring(repo, missing)
        pointers = (pointer for repo in wanted for pointer in repo.files)
        return {pointer.digest: self._path(pointer) for pointer in pointers}

    def use_up(self, paths: Mapping[Digest, Path]) -> None:
        """Let go of objects once the snapshot that holds them is kept."""
        self._room.use_up(paths.values())

    def _path(self, pointer: Pointer) -> Path:
        return self._room.partial(f"lfs:{pointer.digest}")

    def _is_here(self, pointer: Pointer) -> bool:
        """Tell whether an object is whole; one of an earlier run is hashed."""
        if pointer.digest in self._whole:
            return True
        path = self._path(pointer)
        if pointer.size_bytes == 0:
            path.touch(0o600)  # no server would give it
        if not path.exists() or path.stat().st_size != pointer.size_bytes:
            return False
        if hash_file(path) != pointer.digest:
            return False
        self._whole.add(pointer.digest)
        return True

    def _check_room(self, missing: Sequence[Pointer], repo: Pointed) -> None:
        try:
            self._room.check(sum(pointer.size_bytes for pointer in missing))
        except OSError as error:
            raise StorageError(
                f"{urls.redact(repo.url)}: its Git LFS objects: {error.strerror}"
            ) from error

    def _bring(self, repo: Pointed, missing: Sequence[Pointer]) -> None:
        if extended := next((one for one in missing if one.is_extended), None):
            raise UpstreamError(
                f"{_name(repo, extended)}: its Git LFS pointer asks for an extension, "
                "a program of the repo's own, which is never run",
                hint=_INSTEAD.removeprefix("or "),
            )
        source = _Source(self._opened(), repo, lfs.find_server(repo.url, repo.settings))
        with ThreadPoolExecutor(_AT_ONCE, "lfs") as pool:
            for start in range(0, len(missing), lfs.MOST_AT_ONCE):
                self._check_stop()
                some = missing[start : start + lfs.MOST_AT_ONCE]
                found = source.find(some)
                for _ in pool.map(lambda one, at: self._fetch(source, one, at), some, found):
                    self._check_stop()

    def _opened(self) -> HttpUpstream:
        with self._opening:
            if self._http is None:
                self._http = self._open_http()
            return self._http

    def _fetch(self, source: _Source, pointer: Pointer, found: lfs.Download) -> None:
        path = self._path(pointer)
        with self._at_path.setdefault(path, threading.Lock()):  # two repos may want one object
            if self._is_here(pointer):
                return
            try:
                self._fetch_from(source, pointer, found, path)
            except StatusError:  # the address may have expired while others were fetched
                (again,) = source.find([pointer])
                with source.explaining(_name(source.repo, pointer)):
                    self._fetch_from(source, pointer, again, path)
            discard_journal(path)
            self._whole.add(pointer.digest)

    def _fetch_from(
        self, source: _Source, pointer: Pointer, found: lfs.Download, path: Path
    ) -> None:
        shown = _name(source.repo, pointer)

        def announced(size_bytes: int) -> None:
            if size_bytes:  # else its host does not say
                _check_size(shown, pointer, size_bytes)
            self._room.check(pointer.size_bytes)

        def check(fetched: Fetched) -> None:
            _check_size(shown, pointer, fetched.size_bytes)
            if fetched.digest != pointer.digest:
                raise VerificationError(
                    f"{shown}: expected sha256 {pointer.digest}, as its Git LFS pointer says, "
                    f"got {fetched.digest}"
                )

        terms = Terms(
            shown,
            most_bytes=pointer.size_bytes + _MOST_EXTRA_BYTES,  # of a host that says no length
            progress=lambda _: self._check_stop(),
            announced=announced,
            logins=found.login,
            is_weights=False,
        )
        fetch_checked(source.http, found.url, path, terms, check)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the objects of one repo come from."""

    http: HttpUpstream
    repo: Pointed
    server: str

    def find(self, pointers: Sequence[Pointer]) -> list[lfs.Download]:
        """Ask where objects are."""
        if self.server.startswith("file:"):
            return [self._find_local(pointer) for pointer in pointers]
        more = f" and {len(pointers) - 1} more files" if len(pointers) > 1 else ""
        shown = f"{_name(self.repo, pointers[0])}{more}: Git LFS at {urls.place(self.server)}"
        with self.explaining(shown):
            asked = lfs.question(pointers)
            body = self.http.post(f"{self.server}/objects/batch", asked, lfs.HEADERS, shown)
            answer = lfs.read_answer(self.server, body)
        return [self._one(pointer, answer.get(pointer.digest)) for pointer in pointers]

    def _one(self, pointer: Pointer, said: lfs.Download | lfs.Refusal | None) -> lfs.Download:
        if isinstance(said, lfs.Download):
            return said
        name = _name(self.repo, pointer)
        if said is None:
            said = lfs.Refusal("the server's answer does not name it", is_missing=False)
        if said.is_missing:
            raise _missing(name, f"the server says {said.reason}")
        raise UpstreamError(
            f"{name}: its Git LFS object cannot be had: {said.reason}",
            hint=f"try again later, {_INSTEAD}",
        )

    def _find_local(self, pointer: Pointer) -> lfs.Download:
        for url in lfs.local_paths(self.server, pointer.digest):
            if Path(unquote(urlsplit(url).path)).is_file():
                return lfs.Download(url, None)
        raise _missing(_name(self.repo, pointer), "that repo has not fetched it")

    @contextlib.contextmanager
    def explaining(self, shown: str) -> Iterator[None]:
        """Say of a failure what its reader can do about it."""
        try:
            yield
        except InvalidInputError as error:
            hint = f"see `lfs.url` in the repo's .lfsconfig, {_INSTEAD}"
            raise UpstreamError(f"{shown}: {error.message}", hint=hint) from error
        except UpstreamError as error:
            status = error.status if isinstance(error, StatusError) else 0
            hint = f"{_HINTS.get(status, 'try again later')}, {_INSTEAD}"
            raise UpstreamError(error.message, hint=hint, unreachable=error.unreachable) from error


def _name(repo: Pointed, pointer: Pointer) -> str:
    return f"{urls.redact(repo.url)}: {repo.files[pointer]}"


def _missing(name: str, why: str) -> UpstreamError:
    return UpstreamError(
        f"{name}: its Git LFS object is missing: {why}",
        hint=f"ask the repo's owner to run `git lfs push --all`, {_INSTEAD}",
    )


def _check_size(shown: str, pointer: Pointer, size_bytes: int) -> None:
    if size_bytes != pointer.size_bytes:
        raise VerificationError(
            f"{shown}: expected {pointer.size_bytes} bytes, as its Git LFS pointer says, "
            f"got {size_bytes}"
        )
