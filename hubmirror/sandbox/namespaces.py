"""Namespaces: a process gets mounts of its own, all read-only but its folder, and no network.

A user who is not root gets a user namespace around them, where the machine allows one.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path

_NEW_MOUNTS, _NEW_USER, _NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_MOUNT_SETATTR = 442  # Linux 5.12; the same on every processor
_HERE = -100  # AT_FDCWD
_WHOLE_TREE = 0x8000  # AT_RECURSIVE
_ATTRIBUTE_READ_ONLY = 1
_KEPT_FLAGS = 0b1110 | 1024 | 2048  # nosuid, nodev, noexec, noatime, nodiratime: as they are

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def enter(writable: Path, read_only: Iterable[Path]) -> None:
    """Leave the network and all mounts behind; only one folder stays writable.

    ``read_only`` is what is bound read-only by an older kernel, which cannot do so with all.

    Raises:
        OSError: when the machine does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    as_root = _NEW_USER if user else 0
    _check(_libc.unshare(_NEW_MOUNTS | _NEW_NETWORK | as_root), "unshare")
    if as_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _mount(None, Path("/"), _RECURSIVE | _PRIVATE)
    _mount(writable, writable, _BIND)
    try:
        _set(Path("/"), _MountAttributes(set=_ATTRIBUTE_READ_ONLY), _WHOLE_TREE)
        _set(writable, _MountAttributes(clear=_ATTRIBUTE_READ_ONLY), 0)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        for folder in read_only:
            flags = os.statvfs(folder).f_flag & _KEPT_FLAGS
            _mount(folder, folder, _BIND | _RECURSIVE)
            _mount(None, folder, _REMOUNT | _BIND | _READ_ONLY | flags)


def _mount(source: Path | None, target: Path, flags: int) -> None:
    given = os.fsencode(source) if source else None
    _check(_libc.mount(given, os.fsencode(target), None, ctypes.c_ulong(flags), None), "mount")


def _set(target: Path, attributes: _MountAttributes, flags: int) -> None:
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    path, given = os.fsencode(target), ctypes.byref(attributes)
    _check(_libc.syscall(_MOUNT_SETATTR, _HERE, path, flags, given, size), "mount_setattr")


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
