"""A sandbox as its owner sees it: opened, given children to run, closed.

Owns: the pipes to the supervisor, and what a child said.
Invariant: a sandbox that was opened is gone when its owner is, folders and processes alike,
however the owner ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hubmirror
from hubmirror.errors import StorageError
from hubmirror.sandbox.folders import Folders
from hubmirror.sandbox.protections import Protections
from hubmirror.sandbox.supervisor import remove

_PREFIX = "sandbox-"
_MOST_OUTPUT_BYTES = 64 * 1024
_NEEDED_BY_PYTHON = ("LD_LIBRARY_PATH", "PYTHONHOME")
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from hubmirror.sandbox.supervisor import main; main(*sys.argv[2:])"
)


@dataclass(frozen=True, slots=True)
class Child:
    """A command to run.

    Attributes:
        argv: Its words.
        variables: What it is told beyond the clean environment.
        timeout_s: When it is killed.
        cwd: Where it starts; None for the sandbox's own folder for that.
        online: Whether the kernel leaves TCP alone.
        in_namespace: Whether all mounts but the folders are read-only, and there is no network.
        read_only: What must be read-only in it, where an old kernel cannot do so with all.
    """

    argv: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 600
    cwd: Path | None = None
    online: bool = False
    in_namespace: bool = False
    read_only: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a child.

    Attributes:
        code: Its exit code; the negative number of the signal that killed it.
        timed_out: True where that was ours, for it took too long.
        output: The end of what it wrote to stdout and stderr.
        protections: What held it.
    """

    code: int
    timed_out: bool
    output: str
    protections: Protections


class Sandbox:
    """Folders with a supervisor; runs one child after another.

    Attributes:
        folders: The folders, for what a child is given or hands back.
    """

    def __init__(self, folders: Folders, outer: Mapping[str, str], pipes: _Pipes) -> None:
        self.folders = folders
        self._outer = outer
        self._pipes = pipes

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls, parent: Path, outer: Mapping[str, str], *, keep: tuple[int, ...] = ()
    ) -> Iterator[Sandbox]:
        """Make a sandbox below a folder of this user's own.

        Args:
            parent: Where; made if it is missing. What was left there is removed: only a machine
                that lost its power leaves anything.
            outer: The caller's environment, of which children see little.
            keep: File descriptors that children inherit.

        Raises:
            StorageError: when it cannot be made.
        """
        with ExitStack() as ends:
            try:
                folders, lock = _make(parent)
            except OSError as error:
                raise StorageError(f"{parent}: no sandbox can be made: {error}") from error
            ends.callback(remove, folders.root)
            ends.callback(os.close, lock)
            pipes = ends.enter_context(_supervised(folders.root, lock, outer, keep))
            yield cls(folders, outer, pipes)

    def stop(self) -> None:
        """End the child that runs, if one does, and run no more; from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._pipes.orders, b"null\n")

    def run(self, child: Child) -> Ended:
        """Run a child to its end; nothing that it started is left then.

        Raises:
            StorageError: when it could not be started, or not be held as it was asked, or when
                the sandbox was stopped.
        """
        order = {
            "argv": child.argv,
            "variables": {**self.folders.variables(self._outer), **child.variables},
            "timeout_s": child.timeout_s,
            "cwd": str(child.cwd or self.folders.work),
            "online": child.online,
            "in_namespace": child.in_namespace,
            "read_only": [str(path) for path in child.read_only],
        }
        listener = _Listener(self._pipes)
        listener.tell(order)
        begun = listener.next_report()
        if "refused" in begun:
            raise StorageError(
                f"{child.argv[0]}: cannot be run in a sandbox here: {begun['refused']}",
                hint="namespaces may be forbidden on this machine: do without them"
                if child.in_namespace
                else "",
            )
        try:
            ended = listener.next_report()["ended"]
        except StorageError:  # it was stopped, or somebody has killed the supervisor
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(begun["pid"]), signal.SIGKILL)
            raise
        return Ended(
            int(ended["code"]),
            bool(ended["timed_out"]),
            listener.output(),
            Protections(**begun["started"]),
        )


@dataclass(frozen=True, slots=True)
class _Pipes:
    """The owner's ends of the pipes to a supervisor, and from its children."""

    orders: int
    reports: int
    output: int


class _Listener:
    """Hears the supervisor and a child, until the supervisor has said what is waited for."""

    def __init__(self, pipes: _Pipes) -> None:
        self._pipes = pipes
        self._said = b""
        self._reported = b""

    def tell(self, order: Mapping[str, object]) -> None:
        content = json.dumps(order).encode() + b"\n"
        try:
            while content:
                content = content[os.write(self._pipes.orders, content) :]
        except OSError as error:
            raise _ended() from error

    def next_report(self) -> Mapping[str, Any]:
        """Wait for the supervisor's next word, and hear the child meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipes.output, selectors.EVENT_READ)
            selector.register(self._pipes.reports, selectors.EVENT_READ)
            while b"\n" not in self._reported:
                heard = {key.fd for key, _ in selector.select()}
                self._hear()
                if self._pipes.reports in heard:
                    content = os.read(self._pipes.reports, 65536)
                    if not content:
                        raise _ended()
                    self._reported += content
        line, _, self._reported = self._reported.partition(b"\n")
        fields: Mapping[str, Any] = json.loads(line)
        return fields

    def output(self) -> str:
        """Return the end of what the child said; it has ended, so all of it is there."""
        while self._hear():
            pass
        return self._said.decode(errors="replace")

    def _hear(self) -> bool:
        try:
            content = os.read(self._pipes.output, 65536)
        except BlockingIOError:
            return False
        self._said = (self._said + content)[-_MOST_OUTPUT_BYTES:]
        return bool(content)


def _ended() -> StorageError:
    return StorageError("the sandbox was stopped, or its supervisor was killed")


def _make(parent: Path) -> tuple[Folders, int]:
    """Make the folders; the lock on them tells that somebody still uses them."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    gate = os.open(parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for left in parent.glob(f"{_PREFIX}*"):
            _remove_unused(left)
        folders = Folders(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)))
        lock = os.open(folders.root, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(gate)
    folders.make()
    return folders, lock


def _remove_unused(folder: Path) -> None:
    with contextlib.suppress(OSError):  # in use, or gone meanwhile
        opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)
        finally:
            os.close(opened)


@contextlib.contextmanager
def _supervised(
    root: Path, lock: int, outer: Mapping[str, str], keep: tuple[int, ...]
) -> Iterator[_Pipes]:
    """Keep a supervisor while the code inside runs; its end is the end of all it has started."""
    package = str(Path(hubmirror.__file__).parents[1])
    with ExitStack() as last, ExitStack() as ours:
        with ExitStack() as theirs:
            heard, orders = _pipe(reader=theirs, writer=ours)
            reports, told = _pipe(reader=ours, writer=theirs)
            output, written = _pipe(reader=ours, writer=theirs)
            os.set_blocking(output, False)
            words = ["-c", _BOOT, package, str(root), str(lock), str(written)]
            supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", *words],
                stdin=heard,
                stdout=told,
                pass_fds=(lock, written, *keep),
                start_new_session=True,  # Ctrl-C is for its owner, whose end it sees
                env={name: outer[name] for name in _NEEDED_BY_PYTHON if name in outer},
                cwd="/",
            )
            last.callback(supervisor.wait)
        yield _Pipes(orders, reports, output)


def _pipe(*, reader: ExitStack, writer: ExitStack) -> tuple[int, int]:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    reader.callback(os.close, reading)
    writer.callback(os.close, writing)
    return reading, writing
