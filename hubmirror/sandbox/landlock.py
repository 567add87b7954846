"""Landlock: a process gives up writing outside of some folders, for itself and all its children.

Linux 5.13 and later; needs no privileges. Reading and running files stays allowed. What it does
not cover: modes, owners and times of files, and UDP.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every processor
_VERSION_QUESTION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38

_WRITE_FILE = 1 << 1
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_REFER = 1 << 13  # to move or link between folders; version 2
_TRUNCATE = 1 << 14  # version 3
_CONNECT_TCP = 1 << 1  # version 4
_NET_VERSION = 4
_SCOPE_VERSION = 6
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock in this kernel, or 0 where there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_QUESTION)))


def restrict(folders: Iterable[Path], devices: Iterable[Path], *, online: bool) -> None:
    """Let this process write nowhere but below these folders, and to these devices.

    Unless ``online``, it connects nowhere by TCP either, where the kernel knows how to refuse it.

    Raises:
        OSError: when the kernel has Landlock and refuses all the same.
    """
    abi = version()
    writing = _WRITE_FILE | _REMOVE_AND_MAKE
    writing |= (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    rules = _Ruleset(writing, 0, 0)
    if refuses_tcp(online=online):
        rules.handled_access_net = _CONNECT_TCP
    if abi >= _SCOPE_VERSION:
        rules.scoped = _ABSTRACT_SOCKETS_AND_SIGNALS
    size = 24 if abi >= _SCOPE_VERSION else 16 if abi >= _NET_VERSION else 8
    ruleset = _call(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    for folder in folders:
        _allow(ruleset, folder, writing)
    for device in devices:
        _allow(ruleset, device, _WRITE_FILE)
    if _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise _refused("prctl")
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def refuses_tcp(*, online: bool) -> bool:
    """Tell whether ``restrict`` refuses TCP connections here."""
    return version() >= _NET_VERSION and not online


def _allow(ruleset: int, path: Path, access: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(access, opened)), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise _refused("landlock")
    return result


def _refused(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
