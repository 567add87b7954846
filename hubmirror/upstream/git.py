"""The one door to git: how it is started, what is heard of it, and how it ends.

Owns: the command line and the processes. GitPython is imported here only, and nothing of it
leaves. Knows nothing of refs or snapshots. Invariant: what is started here ends at the latest
when this process does, however it does: what may wait for a network, or work for long, has a
shell that sees to it; the rest is short, and ends with the pipes that it reads and writes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import selectors
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from hubmirror.errors import StorageError, UpstreamError
from hubmirror.upstream import complaints
from hubmirror.upstream.addresses import Address
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.surroundings import surroundings

_OLDEST = (2, 31, 0)  # the first that takes configuration from GIT_CONFIG_COUNT
_MOST_ANSWER_BYTES = 256 * 1024 * 1024
_MOST_COMPLAINT_BYTES = 64 * 1024
_PIECE_BYTES = 256 * 1024
_AHEAD_BYTES = 1024 * 1024
_END_S = 5.0
# Git leaves git-remote-https and index-pack behind when it is killed while they wait for the
# network. So a shell that leads a process group of its own stands between, and ends them all:
# when it is told to, and when its stdin ends, of which this process holds the other end. That
# costs less than to bind git to our death before it starts, which takes a copy of this process.
_GROUP = (
    """trap 'trap "" TERM; kill -TERM 0; exit 143' TERM; """
    """exec 4<"$1" 3<&0 </dev/null; shift; """
    """{ read -r _ <&3; kill -TERM 0; } 4<&- >/dev/null 2>&1 & watcher=$!; """
    """"$@" <&4 3<&- 4<&- & exec 3<&- 4<&-; wait $!; status=$?; kill $watcher; exit $status"""
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a git command left: its exit status, stdout, and the end of its stderr."""

    status: int
    stdout: bytes
    stderr: str


@dataclass(frozen=True, slots=True)
class GitProgram:
    """The installed git, under our terms; may be used from several threads.

    Attributes:
        ca_bundle: A file of certificates to trust instead of the system's; empty for those.
        timeout_s: How long an upstream may say nothing; twice that while connecting.
        credentials: Tokens by host; netrc git reads by itself.
    """

    ca_bundle: str = ""
    timeout_s: float = 60.0
    credentials: Credentials = field(default_factory=Credentials)

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path | None,
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
        is_long: bool = False,
    ) -> Answer:
        """Run git on the repository in ``folder``, without any network, to its end.

        What is long, and hears nothing of our death from its pipes, says so.

        Raises:
            StorageError: when git is not installed. Git's own failures are in the answer.
        """
        return self._run(arguments, folder=folder, stdin=stdin, extra=extra, is_group=is_long)

    def ask(
        self,
        address: Address,
        arguments: Sequence[str],
        *,
        folder: Path | None,
        stdin: bytes = b"",
    ) -> Answer:
        """Run git with ``address`` as the remote called ``UPSTREAM``, to its end.

        Raises:
            UpstreamError: when nothing comes for too long. Git's own failures are in the answer.
            StorageError: when git is not installed.
        """
        return self._run(arguments, folder=folder, stdin=stdin, address=address, is_group=True)

    @contextlib.contextmanager
    def conversation(
        self, arguments: Sequence[str], *, folder: Path
    ) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Start git without any network and give its stdin and stdout; it ends with the block."""
        process = self._start(arguments, folder=folder, stdin=subprocess.PIPE)
        _widen(_pipe(process.stdout))
        try:
            with open(_pipe(process.stdout).fileno(), "rb", _PIECE_BYTES, closefd=False) as stdout:
                yield _pipe(process.stdin), stdout
        finally:
            _end(process, group=False)

    def check_installed(self) -> None:
        """Ask git for its version.

        Raises:
            StorageError: when git is missing, or too old to be told what it must not do.
        """
        said = self.run(["version"], folder=None).stdout.decode(errors="replace").strip()
        found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", said)
        version = tuple(int(part or 0) for part in found.groups()) if found else ()
        if not said:
            raise _missing()
        if version < _OLDEST:
            wanted = ".".join(map(str, _OLDEST))
            raise StorageError(f"git {wanted} or newer is needed, got {said!r}")

    def _run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path | None,
        stdin: bytes = b"",
        address: Address | None = None,
        extra: Mapping[str, str] | None = None,
        is_group: bool,
    ) -> Answer:
        with contextlib.ExitStack() as ends:
            given = ends.enter_context(_holding(stdin)) if stdin else subprocess.DEVNULL
            process = self._start(
                arguments,
                folder=folder,
                stdin=given,
                address=address,
                extra=extra,
                is_group=is_group,
            )
            ends.callback(_end, process, group=is_group)
            # Twice: http's own limit, which sees the bytes of an answer come in, goes first.
            heard = _listen(process, address, 2 * self.timeout_s if address else None)
            return Answer(process.wait(), *heard)

    def _start(
        self,
        arguments: Sequence[str],
        *,
        folder: Path | None,
        stdin: int,
        address: Address | None = None,
        extra: Mapping[str, str] | None = None,
        is_group: bool = False,
    ) -> subprocess.Popen[bytes]:
        git = _gitpython()
        around = surroundings(
            os.environ,
            folder=folder,
            address=address,
            ca_bundle=self.ca_bundle,
            timeout_s=self.timeout_s,
            token=self.credentials.token(address.url) if address else None,
            extra=extra,
        )
        # GitPython hands the whole environment of this process down; `env` takes away.
        unset = [word for name in around.taken for word in ("-u", name)]
        command = [
            *(_group(stdin) if is_group else []),
            *(["env", *unset] if unset else []),
            git.Git.GIT_PYTHON_GIT_EXECUTABLE or "git",
            f"--git-dir={folder or os.devnull}",
            *arguments,
        ]
        try:
            started = git.Git("/").execute(
                command,
                istream=subprocess.PIPE if is_group else stdin,
                as_process=True,
                env=around.given,
                pass_fds=[stdin] if is_group and stdin >= 0 else [],
                process_group=0 if is_group else None,
            )
        except git.GitCommandNotFound as error:
            raise _missing() from error
        return _unwrapped(started)


@contextlib.contextmanager
def _holding(content: bytes) -> Iterator[int]:
    """Give the descriptor of a nameless file with this content."""
    with tempfile.TemporaryFile() as held:
        held.write(content)
        held.seek(0)
        yield held.fileno()


def _group(stdin: int) -> list[str]:
    """Return the words before those of git that make a group of it; our pipe is its stdin."""
    given = os.devnull if stdin == subprocess.DEVNULL else f"/dev/fd/{stdin}"
    return ["/bin/sh", "-c", _GROUP, "git", given]


def _gitpython() -> ModuleType:
    """Import GitPython when a git is to be started: a run with nothing to do starts none."""
    # Otherwise the import fails where git is missing, and says so in words of its own.
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    import git

    return git


def _missing() -> StorageError:
    return StorageError(
        "git is not installed, or not on the search path", hint="install git 2.31 or newer"
    )


def _unwrapped(started: Any) -> subprocess.Popen[bytes]:
    """Take a process out of GitPython's wrapper, which would end it when it is collected."""
    process: subprocess.Popen[bytes] = started.proc
    started.proc = None
    return process


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise AssertionError  # every process is started with pipes
    return stream


def _widen(stream: IO[bytes]) -> None:
    """Let git work ahead of its reader; a system that allows no more keeps what it has."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _AHEAD_BYTES)


def _listen(
    process: subprocess.Popen[bytes], address: Address | None, idle_s: float | None
) -> tuple[bytes, str]:
    """Read stdout and stderr to their ends; of stderr keep the end only."""
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(_pipe(process.stdout), selectors.EVENT_READ, stdout)
        selector.register(_pipe(process.stderr), selectors.EVENT_READ, stderr)
        while selector.get_map():
            ready = selector.select(idle_s)
            if not ready and address is not None and idle_s is not None:
                raise complaints.timeout_error(address, idle_s)
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE_BYTES)
                if not piece:
                    selector.unregister(key.fileobj)
                key.data.extend(piece)
            del stderr[:-_MOST_COMPLAINT_BYTES]
            if len(stdout) > _MOST_ANSWER_BYTES:
                where = f"{address.shown}: " if address else ""
                raise UpstreamError(f"{where}more than {_MOST_ANSWER_BYTES} bytes of names")
    return bytes(stdout), stderr.decode(errors="replace")


def _end(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """End a process and all that it started, and close its pipes."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_END_S if group else None)  # of a group, the shell ends the others first
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # not waited for yet, so the number is ours
        process.wait()
