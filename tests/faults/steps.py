"""Sees each durable step of hubmirror in this process, and may fail it or die at it.

A step is a call that changes a disk: a write, fsync, rename, link, unlink, mkdir and their like,
made by hubmirror's code (SQLite and git make theirs in C, and have their own ways to recover). Its
site is the line of hubmirror that made it, and the line outside ``files`` that asked for it.

``watch`` exchanges the functions of ``os`` in this process for good: only for a process that is
about to end.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any

import hubmirror
from hubmirror import files

PACKAGE = str(Path(hubmirror.__file__).parent)
_BELOW = ("files.py", "copying.py")
"""Modules that do for others: who asked them is a part of the site."""

OPERATIONS = (
    *("fsync", "fdatasync", "rename", "replace", "link", "unlink", "remove", "mkdir", "rmdir"),
    *("write", "pwrite", "ftruncate", "truncate", "copy_file_range", "sendfile", "posix_fallocate"),
)


class Fault(StrEnum):
    """What happens at a step."""

    KILL_BEFORE = "kill-before"
    KILL_AFTER = "kill-after"
    EIO = "EIO"
    ENOSPC = "ENOSPC"
    EDQUOT = "EDQUOT"

    @property
    def number(self) -> int:
        """The error that a step ends with."""
        return int(getattr(errno, self.value))


@dataclass(frozen=True, order=True, slots=True)
class Site:
    """Where a step is made: ``made`` is the line that does it, ``asked`` one outside ``files``."""

    operation: str
    made: str
    asked: str

    def __str__(self) -> str:
        via = f" for {self.asked}" if self.asked != self.made else ""
        return f"{self.operation} at {self.made}{via}"


Handler = Callable[[Site, tuple[Any, ...], Callable[[], Any]], Any]
"""Is given a site, the arguments of the call, and what makes it; returns what the call returns."""


def watch(handler: Handler) -> None:
    """Hand every durable step of this process to ``handler``, from now on."""
    for name in OPERATIONS:
        if original := getattr(os, name, None):
            setattr(os, name, _watched(name, original, handler))
    _watch_system_calls(handler)
    _watch_streams(handler)


def _watched(name: str, original: Callable[..., Any], handler: Handler) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        site = _site(name)
        if site is None:
            return original(*arguments, **options)
        return handler(site, arguments, lambda: original(*arguments, **options))

    return call


def _watch_system_calls(handler: Handler) -> None:
    """``files`` calls syncfs through ctypes, which knows no exceptions of Python."""
    library = files._libc

    class Watched:
        sync_file_range = library.sync_file_range

        @staticmethod
        def syncfs(descriptor: int) -> int:
            site = _site("syncfs")
            if site is None:
                raise AssertionError
            try:
                return int(handler(site, (descriptor,), lambda: library.syncfs(descriptor)))
            except OSError as error:
                ctypes.set_errno(error.errno or errno.EIO)
                return -1

    files._libc = Watched  # type: ignore[assignment]


def _watch_streams(handler: Handler) -> None:
    """Streams write in C: their raw file is one whose ``write`` can be seen."""
    original = builtins.open

    class Raw(io.FileIO):
        def write(self, content: Any) -> int:
            site = _site("write")
            if site is None:
                return super().write(content)
            write = super().write
            return int(handler(site, (self.fileno(), bytes(content)), lambda: write(content)))

    def _opened(file: Any, mode: str, *rest: Any, **options: Any) -> Raw:
        plain = mode.replace("b", "").replace("t", "")
        site = _site("truncate")
        if isinstance(file, int) or "opener" in options or "w" not in mode or site is None:
            return Raw(file, plain, *rest, **options)
        opened: Raw = handler(site, (file, 0), lambda: Raw(file, plain, *rest, **options))
        return opened

    def watched_open(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        if not set(mode) & set("wax+") or _site("open") is None:
            return original(file, mode, buffering, encoding, errors, newline, *rest, **options)
        raw = _opened(file, mode, *rest, **options)
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline)

    builtins.open = watched_open
    io.open = watched_open


def _site(operation: str) -> Site | None:
    """Find who makes this step; None where it is not hubmirror's."""
    made = asked = ""
    for frame in _frames(sys._getframe(2)):
        path = frame.f_code.co_filename
        if not path.startswith(PACKAGE):
            if made:
                continue
            if (
                "/pathlib" in path
                or "/contextlib" in path
                or path.startswith(str(Path(__file__).parent))
            ):
                continue
            if "/shutil" in path or "/tempfile" in path:
                continue
            return None
        here = f"{path[len(PACKAGE) + 1 :]}:{frame.f_code.co_name}:{frame.f_lineno}"
        made = made or here
        if not path.endswith(_BELOW):
            asked = here
            break
    return Site(operation, made, asked or made) if made else None


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame:
        yield frame
        frame = frame.f_back


class Failing:
    """Lets the n-th visit of a site end with a fault."""

    def __init__(self, site: Site, visit: int, fault: Fault, *, sticky: bool = False) -> None:
        self._site, self._left, self._fault, self._sticky = site, visit, fault, sticky

    def __call__(self, site: Site, arguments: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Make the step, or what the fault makes of it."""
        if site != self._site:
            return make()
        self._left -= 1
        if self._left > 0 or (self._left < 0 and not self._sticky):
            return make()
        if self._fault is Fault.KILL_AFTER:
            with contextlib.suppress(OSError):
                make()
        if self._fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER):
            os.kill(os.getpid(), 9)
        if site.operation == "write" and len(arguments) == 2:  # a full disk takes a part of it
            descriptor, content = arguments
            with contextlib.suppress(OSError):
                _write(descriptor, content[: len(content) // 2])
        raise OSError(self._fault.number, os.strerror(self._fault.number))


_write = os.write
