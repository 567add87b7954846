"""What an upstream holds: files, redirects, git repositories, and the faults that lie on them.

Owns: the tables, and the bare repositories on disk. Knows nothing of sockets.
Invariant: every method may be called from any thread while requests are being answered.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from tests.upstream import faults as bad
from tests.upstream.armed import FaultSet
from tests.upstream.content import Content
from tests.upstream.gitcmd import run_git

GIT_ROOT = "/git/"

LfsAnswer = Callable[[bytes], bytes]
"""Gets the JSON of a question, gives the JSON of its answer; from any thread."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A path that sends its clients elsewhere."""

    location: str
    status: int


class Site:
    """The served things, without the serving.

    Paths are written as in a URL: percent-encoded, with the query where it matters. A request
    is looked up with its query first, then without.
    """

    def __init__(self, root: Path) -> None:
        self._repositories = root / "git"
        self._lock = threading.RLock()
        self._served: dict[str, Content | Redirect] = {}
        self._faults: dict[str, FaultSet] = {}
        self._repo_faults: dict[str, FaultSet] = {}
        self._repos: dict[str, str] = {}
        self._renamed: dict[str, str] = {}
        self._sha_refusers: set[str] = set()
        self._lfs: dict[str, LfsAnswer] = {}
        self._puts = 0

    # --- Files --------------------------------------------------------------------------

    def hold(
        self,
        path: str,
        data: bytes | str | Path,
        *,
        faults: tuple[bad.Fault, ...] = (),
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Serve bytes, text or a file under `path`; replaces what was there, and its faults."""
        held = data.encode() if isinstance(data, str) else data
        with self._lock:
            self._puts += 1
            age = self._puts
        pairs = tuple((headers or {}).items())
        content = Content.read(held, content_type=content_type, headers=pairs, age=age)
        with self._lock:
            self._served[_checked(path)] = content
            self._faults[path] = FaultSet(faults)

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Send whoever asks for `path` to `location`, a URL or a path."""
        with self._lock:
            self._served[_checked(path)] = Redirect(location, status)

    def remove(self, path: str) -> None:
        """Serve nothing under `path` any more."""
        with self._lock:
            del self._served[path]

    def fault(self, path: str, *faults: bad.Fault) -> None:
        """Lay these faults on `path` in place of the earlier ones; without any, heal it."""
        with self._lock:
            self._faults[_checked(path)] = FaultSet(faults)

    def find(self, target: str) -> tuple[Content | Redirect | None, FaultSet]:
        """What is served for a request target, and the faults on it."""
        bare = target.partition("?")[0]
        with self._lock:
            faults = self._faults.get(target) or self._faults.get(bare) or FaultSet()
            return self._served.get(target) or self._served.get(bare), faults

    # --- Repositories -------------------------------------------------------------------

    def add_repo(self, name: str, *, default_branch: str = "main") -> Path:
        """Serve a new, empty, bare repository `owner/name`; gives its folder."""
        folder = self._folder(name)
        run_git("init", "--quiet", "--bare", "--template=", "-b", default_branch, str(folder))
        for setting in ("allowFilter", "allowTipSHA1InWant", "allowReachableSHA1InWant"):
            run_git("--git-dir", str(folder), "config", f"uploadpack.{setting}", "true")
        with self._lock:
            self._repos[name.lower()] = name
            self._renamed.pop(name.lower(), None)
        return folder

    def repo_folder(self, name: str) -> Path:
        """The folder of a served repository; its letter case does not matter, as on GitHub.

        Raises:
            LookupError: none of this name is served.
        """
        with self._lock:
            return self._folder(self._repos[name.lower()])

    def rename_repo(self, old: str, new: str) -> None:
        """Serve a repository under a new name; the old one redirects there for ever (301)."""
        with self._lock:
            source = self.repo_folder(old)
            target = self._folder(new)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
            del self._repos[old.lower()]
            self._repos[new.lower()] = new
            self._renamed.pop(new.lower(), None)
            self._renamed[old.lower()] = new

    def remove_repo(self, name: str) -> None:
        """Serve the repository no more: deleted, or made private."""
        with self._lock:
            del self._repos[name.lower()]

    def refuse_shas(self, name: str) -> None:
        """Let clients want tips of refs only, as servers unlike GitHub do.

        Git's protocol 2 always lets a client want any commit, so from now on this repository
        speaks protocol 0 alone.
        """
        for setting in ("allowTipSHA1InWant", "allowReachableSHA1InWant"):
            run_git(
                "--git-dir", str(self.repo_folder(name)), "config", f"uploadpack.{setting}", "false"
            )
        with self._lock:
            self._sha_refusers.add(name.lower())

    def speaks_v2(self, name: str) -> bool:
        """Whether the repository answers in git's protocol 2."""
        with self._lock:
            return name.lower() not in self._sha_refusers

    def fault_repo(self, name: str, *faults: bad.Fault, service: str = "") -> None:
        """Lay these faults on a repository in place of the earlier ones; without any, heal it.

        Args:
            name: `owner/name`, under which it is asked for.
            faults: what happens. Of the faults of files only wrong bytes have a meaning here.
            service: the end of the paths that are hurt: `info/refs`, `git-upload-pack`, or
                every path. Each HTTP request counts as one chance; a clone makes three.
        """
        for fault in faults:
            if isinstance(fault, get_args(bad.FileFault)) and not isinstance(
                fault, bad.WrongBytes | bad.FlippedByte
            ):
                message = f"{fault}: git's answers have no such thing"
                raise TypeError(message)
        key = f"{name.lower()}/{service}"
        with self._lock:
            self._repo_faults[key] = FaultSet(faults)

    def repo_faults(self, name: str, tail: str) -> FaultSet:
        """The faults on one path of a repository."""
        with self._lock:
            exact = self._repo_faults.get(f"{name.lower()}{tail}")
            return exact or self._repo_faults.get(f"{name.lower()}/") or FaultSet()

    def serve_lfs(self, name: str, answer: LfsAnswer) -> None:
        """Let a repository answer questions for Git LFS objects."""
        with self._lock:
            self._lfs[name.lower()] = answer

    def lfs(self, name: str) -> LfsAnswer | None:
        """What answers questions for a repository's Git LFS objects, if anything does."""
        with self._lock:
            return self._lfs.get(name.lower())

    def renamed_to(self, name: str) -> str | None:
        """The new name of a repository that was renamed."""
        with self._lock:
            return self._renamed.get(name.lower())

    def _folder(self, name: str) -> Path:
        owner, _, short = name.partition("/")
        if not owner or not short or "/" in short or ".." in name:
            message = f"{name!r}: not of the form owner/name"
            raise ValueError(message)
        return self._repositories / owner / f"{short}.git"


def _checked(path: str) -> str:
    if not path.startswith("/") or path.startswith(GIT_ROOT) or urlsplit(path).fragment:
        message = f"{path!r}: a file's path starts with / and not with {GIT_ROOT}"
        raise ValueError(message)
    return path
