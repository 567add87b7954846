"""Tar members, byte for byte ours: what is not said here is zero.

Owns: the form of headers. No clock, user, umask or library decides a bit of it, so the same
names and contents give the same tar everywhere. Names are bytes: ustar as far as it goes, a
pax header beyond (names over 255 bytes, links over 100, files of 8 GiB).
"""

from __future__ import annotations

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)

_FILE, _LINK, _FOLDER, _PAX = b"0", b"2", b"5", b"x"
_MOST_USTAR_SIZE = 8 * 1024**3 - 1
_PAX_NAME = b"././@PaxHeader"
_OWNERS_AND_DEVICES = b"ustar\x0000" + bytes(64) + b"0000000\x00" * 2
_NOBODY = b"0000000\x00" * 2
_EPOCH = b"00000000000\x00"


def file_header(name: bytes, size_bytes: int, *, is_executable: bool) -> bytes:
    """Return what stands before a file's content; ``padding`` comes after it."""
    return _member(name, _FILE, mode=0o755 if is_executable else 0o644, size_bytes=size_bytes)


def link_member(name: bytes, target: bytes) -> bytes:
    """Return a whole symlink."""
    return _member(name, _LINK, mode=0o777, link=target)


def folder_member(name: bytes) -> bytes:
    """Return a whole folder."""
    return _member(name + b"/", _FOLDER, mode=0o755)


def padding(size_bytes: int) -> bytes:
    """Return what fills a file's last block."""
    return bytes(-size_bytes % BLOCK_BYTES)


def _member(
    name: bytes, kind: bytes, *, mode: int, size_bytes: int = 0, link: bytes = b""
) -> bytes:
    records = b""
    split = _split(name)
    if split is None:
        records += _record(b"path", name)
        split = b"", name[:100]
    if len(link) > 100:
        records += _record(b"linkpath", link)
    if size_bytes > _MOST_USTAR_SIZE:
        records += _record(b"size", b"%d" % size_bytes)
        size_bytes = 0
    header = _header(split, kind, mode=mode, size_bytes=size_bytes, link=link[:100])
    return _extended(records, name + link) + header if records else header


def _extended(records: bytes, names: bytes) -> bytes:
    try:
        names.decode()
    except UnicodeDecodeError:
        records = _record(b"hdrcharset", b"BINARY") + records
    header = _header((b"", _PAX_NAME), _PAX, mode=0o644, size_bytes=len(records))
    return header + records + padding(len(records))


def _record(key: bytes, value: bytes) -> bytes:
    """Write ``LENGTH key=value``, whose length counts its own digits."""
    rest = b" %s=%s\n" % (key, value)
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Cut a name into ustar's prefix and name; None when it does not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.find(b"/", max(0, len(name) - 101), 156)
    return (name[:cut], name[cut + 1 :]) if 0 < cut < len(name) - 1 else None


def _header(
    split: tuple[bytes, bytes], kind: bytes, *, mode: int, size_bytes: int, link: bytes = b""
) -> bytes:
    prefix, name = split
    before = b"".join(
        (name.ljust(100, b"\0"), b"%07o\x00" % mode, _NOBODY, b"%011o\x00" % size_bytes, _EPOCH)
    )
    after = b"".join((kind, link.ljust(100, b"\0"), _OWNERS_AND_DEVICES, prefix.ljust(167, b"\0")))
    checksum = sum(before) + 8 * 32 + sum(after)
    return b"%s%06o\x00 %s" % (before, checksum, after)
