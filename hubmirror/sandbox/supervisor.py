"""The process between a sandbox's owner and the children that run in it.

Owns: the life of every process that a child starts, and the removal of the folders. It reads
orders, one JSON line each, from the owner's pipe, and writes what became of them to another.
Invariant: when that pipe closes, for whatever reason, all children are killed and the folders
are gone, before this process is.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from hubmirror.sandbox import landlock, namespaces

_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36  # of prctl
_DEVICES = ("null", "zero", "full", "tty", "kfd", "nvidia*", "dri/*")

_libc = ctypes.CDLL(None, use_errno=True)
_Order = Mapping[str, Any]  # as ``box`` writes it


def main(root: str, lock: str, output: str) -> None:
    """Serve the owner of a sandbox until it is gone.

    ``lock`` says that the folders are in use, and ``output`` is where children write to: two
    file descriptors, neither of which a child inherits as such.
    """
    for mine in (lock, output):
        os.set_inheritable(int(mine), False)
    _libc.prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)  # what leaves its group comes to us
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        for line in _lines():
            order = json.loads(line)
            if order is None:
                return
            started = time.monotonic()
            pid = _start(order, Path(root), int(output))
            ended = _await(pid, woken, started + order["timeout_s"]) if pid else None
            _end_all(pid)
            if ended:
                _report({"ended": ended})
    finally:
        _end_all(0)
        remove(Path(root))


def _lines() -> Iterator[bytes]:
    """Read the owner's orders as they come; unbuffered, for a pipe that closes must be seen."""
    kept = b""
    while content := os.read(0, 65536):
        *lines, kept = (kept + content).split(b"\n")
        yield from lines


def _report(fields: Mapping[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(fields).encode() + b"\n")


def _start(order: _Order, root: Path, output: int) -> int:
    """Start a child; return 0 where it could not be held as it must be."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if not pid:
        _become_child(order, root, output, tell)
    os.close(tell)
    with os.fdopen(told, "rb") as answers:
        lines = answers.read().splitlines()
    fields = json.loads(lines[-1]) if lines else {"refused": "it ended before it began"}
    _report({"pid": pid, **fields})
    return 0 if "refused" in fields else pid


def _become_child(order: _Order, root: Path, output: int, tell: int) -> NoReturn:
    try:
        os.setsid()
        _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        protections = _protect(order, root)
        os.umask(0o022)
        os.chdir(order["cwd"])
        nothing = os.open(os.devnull, os.O_RDWR)
        for target, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, target)
        os.write(tell, json.dumps({"started": protections}).encode() + b"\n")
        os.execvpe(order["argv"][0], order["argv"], order["variables"])  # noqa: S606 - as asked
    except OSError as error:
        os.write(tell, json.dumps({"refused": str(error)}).encode() + b"\n")
    finally:
        os._exit(127)


def _protect(order: _Order, root: Path) -> Mapping[str, object]:
    in_namespace, online = bool(order["in_namespace"]), bool(order["online"])
    if in_namespace:
        namespaces.enter(root, [Path(path) for path in order["read_only"]])
    abi = landlock.version()
    if abi:
        devices = (path for name in _DEVICES for path in Path("/dev").glob(name))
        devices = (path for path in devices if stat.S_ISCHR(path.stat().st_mode))
        landlock.restrict([root], devices, online=online)
    return {
        "landlock": abi,
        "refuses_tcp": landlock.refuses_tcp(online=online),
        "mounts": in_namespace,
        "network_namespace": in_namespace,
    }


def _await(pid: int, woken: int, deadline: float) -> Mapping[str, object] | None:
    """Wait for a child; None when the owner is gone, or wants no more of it."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return {"code": os.waitstatus_to_exitcode(status), "timed_out": False}
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return {"code": -signal.SIGKILL, "timed_out": True}
        readable, _, _ = select.select([0, woken], [], [], left_s)
        if 0 in readable:
            return None
        if woken in readable:
            os.read(woken, 4096)


def _end_all(group: int) -> None:
    """Kill a child's group, and whatever has left it, until nothing of it is there."""
    if group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(ChildProcessError, FileNotFoundError):
        while True:
            for pid in children.read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            os.waitpid(-1, 0)


def remove(folder: Path) -> None:
    """Remove a folder, whatever modes were left on the folders in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    folder.chmod(0o700)
    for path, names, _ in os.walk(folder):
        for inner in (Path(path, name) for name in names):
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
