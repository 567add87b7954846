"""Headers of parts: standard tar reads them, and nothing else is taken for one."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.carry import tar
from hubmirror.errors import VerificationError

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789./-", min_size=1, max_size=100)
SIZES = st.integers(0, 10**15)


def reader(content: bytes) -> Callable[[int], bytes]:
    return io.BytesIO(content).read


def stranger(**fields: object) -> bytes:
    """Return a header that Python's own tarfile writes for some other kind of member."""
    info = tarfile.TarInfo("blobs/x")
    info.mode = 0o444
    for name, value in fields.items():
        setattr(info, name, value)
    return info.tobuf(tarfile.USTAR_FORMAT)


@given(NAMES, SIZES)
def test_a_header_is_read_as_it_was_written(name: str, size: int) -> None:
    written = tar.header(name, size)

    assert tar.read_header(reader(written), where="part") == tar.Header(name, size)
    assert len(written) + size + tar.padding(size) == tar.whole_size(size)
    assert tar.whole_size(size) % tar.BLOCK_BYTES == 0


@given(NAMES.filter(lambda name: not name.endswith("/")), SIZES)
def test_pythons_tarfile_reads_the_same(name: str, size: int) -> None:
    with tarfile.open(fileobj=io.BytesIO(tar.header(name, size) + tar.END)) as opened:
        member = opened.next()

    assert member
    assert (member.name, member.size, member.mode, member.mtime) == (name, size, 0o444, 0)
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.isreg()


@given(NAMES, st.integers(0, 10**6), st.integers(0, 511), st.integers(1, 255))
def test_a_header_with_any_byte_changed_is_no_header(
    name: str, size: int, place: int, change: int
) -> None:
    content = bytearray(tar.header(name, size))
    content[place] ^= change

    with pytest.raises(VerificationError, match=r"^part: "):
        tar.read_header(reader(bytes(content)), where="part")


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "'blobs/x' is a symbolic link"),
        ({"type": tarfile.LNKTYPE, "linkname": "other"}, "'blobs/x' is a hard link"),
        ({"type": tarfile.CHRTYPE}, "'blobs/x' is a device"),
        ({"type": tarfile.FIFOTYPE}, "'blobs/x' is a pipe"),
        ({"type": tarfile.DIRTYPE}, "is a folder"),
        ({"type": tarfile.GNUTYPE_SPARSE}, "'blobs/x' is a sparse file"),
        ({"mode": 0o4755}, "the header of 'blobs/x' is none that hubmirror writes"),
        ({"uid": 1000}, "the header of 'blobs/x' is none that hubmirror writes"),
        ({"name": "../x", "uid": 1}, "the header of '../x' is none that hubmirror writes"),
    ],
)
def test_other_members_are_refused_by_what_they_are(fields: dict[str, object], what: str) -> None:
    with pytest.raises(VerificationError) as caught:
        tar.read_header(reader(stranger(**fields) + bytes(2048)), where="part")

    assert str(caught.value) == f"part: {caught.value.message[6:]}"
    assert what in caught.value.message


def test_a_name_that_a_header_cannot_hold_is_a_bug_of_the_caller() -> None:
    for name in ("", "x" * 101, "ü"):
        with pytest.raises((ValueError, UnicodeEncodeError)):
            tar.header(name, 1)


def test_a_tar_ends_with_two_empty_blocks_and_nothing_less() -> None:
    assert tar.read_header(reader(tar.END), where="part") is None
    with pytest.raises(VerificationError, match="part: ends early"):
        tar.read_header(reader(bytes(512)), where="part")
    with pytest.raises(VerificationError, match="follows the end"):
        tar.read_header(reader(bytes(512) + tar.header("x", 1)), where="part")
    with pytest.raises(VerificationError, match="part: ends early"):
        tar.read_header(reader(tar.header("x", 1)[:300]), where="part")
