"""What a disk holds after the power went: a recording of durable steps, played back in part.

The model promises no more than POSIX does. A file's bytes are sure once it was fsynced, a name
once its folder was; everything is after syncfs. What is not sure may be there or not, each for
itself.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.steps import Handler, Site


@dataclass(frozen=True, slots=True)
class Event:
    """One step that was made: paths are as they were then.

    ``content`` is what was written, or what the file holds that was fsynced or named.
    """

    operation: str
    path: str
    other: str = ""
    offset: int = 0
    content: bytes = b""
    site: str = ""


class Recorder:
    """Watches the steps of this process, and notes those that changed something below a folder."""

    def __init__(self, root: Path) -> None:
        self.events: list[Event] = []
        self._root = f"{root}/"
        self._lock = threading.Lock()

    def handler(self) -> Handler:
        """Return what ``steps.watch`` takes."""
        return self._handle

    def _handle(self, site: Site, arguments: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        with self._lock:  # in the order in which the disk sees them
            before = _position(site.operation, arguments)
            outcome = make()
            event = _event(site.operation, arguments, outcome, before)
            if event and (event.path.startswith(self._root) or event.operation == "syncfs"):
                self.events.append(
                    Event(
                        event.operation,
                        event.path.removeprefix(self._root),
                        event.other.removeprefix(self._root),
                        event.offset,
                        event.content,
                        str(site),
                    )
                )
            return outcome


def _position(operation: str, arguments: tuple[Any, ...]) -> int:
    if operation == "write":
        return os.lseek(arguments[0], 0, os.SEEK_CUR)
    return 0


def _event(operation: str, arguments: tuple[Any, ...], outcome: Any, before: int) -> Event | None:
    match operation:
        case "write":
            return Event("write", _path(arguments[0]), "", before, bytes(arguments[1])[:outcome])
        case "pwrite":
            descriptor, content, offset = arguments
            return Event("write", _path(descriptor), "", offset, bytes(content)[:outcome])
        case "copy_file_range" | "sendfile":
            target, offset = arguments[1], arguments[4]
            return Event("write", _path(target), "", offset, os.pread(target, outcome, offset))
        case "ftruncate" | "truncate":
            return Event("truncate", _path(arguments[0]), "", int(arguments[1]))
        case "fsync" | "fdatasync":
            path = _path(arguments[0])
            return Event("fsync", path, content=_content(path))
        case "syncfs":
            return Event("syncfs", "")
        case "rename" | "replace" | "link":
            kind = "link" if operation == "link" else "rename"
            final = _path(arguments[1])
            return Event(kind, _path(arguments[0]), final, content=_content(final))
        case "unlink" | "remove" | "rmdir":
            return Event("unlink", _path(arguments[0]))
        case "mkdir":
            return Event("mkdir", _path(arguments[0]))
        case _:
            return None


def _content(path: str) -> bytes:
    """Return what a file holds now: SQLite wrote it in C, where no step was seen."""
    return Path(path).read_bytes() if Path(path).is_file() else b""


def _path(where: int | str | os.PathLike[str]) -> str:
    if isinstance(where, int):
        return str(Path(f"/proc/self/fd/{where}").readlink())
    return os.path.abspath(os.fspath(where))  # noqa: PTH100 - no link is followed


@dataclass(eq=False, slots=True)
class _File:
    now: bytes = b""
    sure: bytes = b""


@dataclass(eq=False, slots=True)
class _Folder:
    now: dict[str, _File | _Folder] = field(default_factory=dict)
    sure: dict[str, _File | _Folder] = field(default_factory=dict)


class Disk:
    """A tree of files as it is, and as much of it as is sure."""

    def __init__(self, template: Path) -> None:
        """Begin with a folder that is on the disk."""
        self._root = _load(template)

    def copy(self) -> Disk:
        """Return another disk that holds the same; bytes are shared, for they do not change."""
        other = Disk.__new__(Disk)
        other._root = _copied(self._root, {})
        return other

    def apply(self, events: Sequence[Event], *, without: int | None = None) -> None:
        """Make these steps, but for one of them."""
        for number, event in enumerate(events):
            if number != without:
                self._apply(event)

    def unsure(self, events: Sequence[Event]) -> list[int]:
        """Make these steps; return those that may not be on the disk when all of them are made."""
        waiting: dict[int, _File | _Folder] = {}
        for number, event in enumerate(events):
            self._apply(event)
            if event.operation == "syncfs":
                waiting.clear()
            elif event.operation == "fsync":
                synced = self._find(event.path)
                waiting = {old: one for old, one in waiting.items() if one is not synced}
            else:
                waiting[number] = self._touched(event)
        return sorted(waiting)

    def _touched(self, event: Event) -> _File | _Folder:
        """Return what has to be fsynced for a step to be sure: a file, or the folder of a name."""
        if event.operation in ("write", "truncate"):
            return self._file(event.path)
        return self._place(event.other or event.path)[0]

    def _find(self, path: str) -> _File | _Folder | None:
        folder, name = self._place(path)
        return folder.now.get(name)

    def _apply(self, event: Event) -> None:
        match event.operation:
            case "write":
                file = self._file(event.path)
                padded = file.now.ljust(event.offset, b"\0")
                end = event.offset + len(event.content)
                file.now = padded[: event.offset] + event.content + padded[end:]
            case "truncate":
                file = self._file(event.path)
                file.now = file.now[: event.offset].ljust(event.offset, b"\0")
            case "mkdir":
                folder, name = self._place(event.path)
                folder.now.setdefault(name, _Folder())
            case "unlink":
                folder, name = self._place(event.path)
                folder.now.pop(name, None)
            case "rename" | "link":
                self._name(event)
            case "fsync":
                self._make_sure(event.path, event.content)
            case "syncfs":
                _settle(self._root)
            case _:
                raise AssertionError(event.operation)

    def _name(self, event: Event) -> None:
        source, name = self._place(event.path)
        moved = source.now.get(name) or _File()
        if isinstance(moved, _File):
            moved.now = event.content
        target, other = self._place(event.other)
        if event.operation == "rename":
            source.now.pop(name, None)
        target.now[other] = moved

    def _make_sure(self, path: str, content: bytes) -> None:
        found = self._find(path)
        if isinstance(found, _Folder):
            found.sure = dict(found.now)
        else:
            file = self._file(path)
            file.now = file.sure = content

    def _place(self, path: str) -> tuple[_Folder, str]:
        *parents, name = path.split("/")
        folder = self._root
        for parent in parents:
            inner = folder.now.setdefault(parent, _Folder())
            if not isinstance(inner, _Folder):
                raise AssertionError(path)  # noqa: TRY004 - the model is wrong
            folder = inner
        return folder, name

    def _file(self, path: str) -> _File:
        folder, name = self._place(path)
        found = folder.now.setdefault(name, _File())
        if isinstance(found, _Folder):
            raise AssertionError(path)  # noqa: TRY004 - the model is wrong
        return found

    def write(self, target: Path, *, names_are_sure: bool, bytes_are_sure: bool) -> None:
        """Write a tree: only what is sure of its names and bytes, or all that was done."""
        _write(self._root, target, names_are_sure, bytes_are_sure)

    def signature(self, *, names_are_sure: bool, bytes_are_sure: bool) -> int:
        """Return a number that is equal where ``write`` would write the same."""
        return hash(_signature(self._root, names_are_sure, bytes_are_sure))


def _load(path: Path) -> _Folder:
    folder = _Folder()
    for entry in path.iterdir():
        mode = entry.lstat().st_mode
        if stat.S_ISDIR(mode):
            folder.now[entry.name] = _load(entry)
        elif stat.S_ISREG(mode):
            content = entry.read_bytes()
            folder.now[entry.name] = _File(content, content)
    folder.sure = dict(folder.now)
    return folder


def _copied(folder: _Folder, known: dict[int, _File | _Folder]) -> _Folder:
    """Copy a tree; what has two names, or is sure under an old one, stays one thing."""
    found = _Folder()
    known[id(folder)] = found
    for name, one in folder.now.items():
        found.now[name] = _copy_of(one, known)
    for name, one in folder.sure.items():
        found.sure[name] = _copy_of(one, known)
    return found


def _copy_of(one: _File | _Folder, known: dict[int, _File | _Folder]) -> _File | _Folder:
    if id(one) not in known:
        known[id(one)] = _File(one.now, one.sure) if isinstance(one, _File) else _copied(one, known)
    return known[id(one)]


def _settle(folder: _Folder) -> None:
    folder.sure = dict(folder.now)
    for one in folder.now.values():
        if isinstance(one, _Folder):
            _settle(one)
        else:
            one.sure = one.now


def _write(folder: _Folder, target: Path, names_are_sure: bool, bytes_are_sure: bool) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name, one in (folder.sure if names_are_sure else folder.now).items():
        if isinstance(one, _Folder):
            _write(one, target / name, names_are_sure, bytes_are_sure)
        else:
            (target / name).write_bytes(one.sure if bytes_are_sure else one.now)


def _signature(folder: _Folder, names_are_sure: bool, bytes_are_sure: bool) -> object:
    entries = folder.sure if names_are_sure else folder.now
    return frozenset(
        (name, _signature(one, names_are_sure, bytes_are_sure))
        if isinstance(one, _Folder)
        else (name, one.sure if bytes_are_sure else one.now)
        for name, one in entries.items()
    )
