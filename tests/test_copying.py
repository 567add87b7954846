"""Bytes that are copied are hashed where they arrived, by the kernel's copy and without it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.copying import Copier, Piece
from hubmirror.records import Digest

SMALL, LARGE = 10_000, 9_000_001  # hashed at once, and by the thread in two steps


@pytest.fixture(params=["copy_file_range", "read and write"])
def copier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copier]:
    if request.param == "read and write":
        monkeypatch.setattr(os, "copy_file_range", _refuse)
    with Copier() as running:
        yield running


def _refuse(*_: object) -> int:
    raise OSError(errno.EXDEV, "another file system")


def opened(path: Path, content: bytes) -> int:
    path.write_bytes(content)
    return os.open(path, os.O_RDWR)


@pytest.mark.parametrize("size", [0, SMALL, LARGE])
def test_a_piece_arrives_at_its_place(copier: Copier, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    source = opened(tmp_path / "source", b"before" + content + b"after")
    target = opened(tmp_path / "target", b"head")

    copier.copy(Piece("it", source, 6, size, Digest.of(content)), target, 4)

    assert copier.settle() == ()
    assert (tmp_path / "target").read_bytes() == b"head" + content


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_wrong_bytes_are_told_with_both_digests(copier: Copier, tmp_path: Path, size: int) -> None:
    content, expected = os.urandom(size), Digest.of(b"expected")
    source, target = opened(tmp_path / "source", content), opened(tmp_path / "target", b"")
    piece = Piece("it", source, 0, size, expected)

    copier.copy(piece, target, 0)

    (found,) = copier.settle()
    assert (found.piece, found.got) == (piece, Digest.of(content))
    assert str(found.error()) == f"it: expected sha256 {expected}, got {Digest.of(content)}"


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_piece_that_ends_early_is_told_and_spoils_no_other(
    copier: Copier, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    source, target = opened(tmp_path / "source", content), opened(tmp_path / "target", b"")
    short = Piece("short", source, 1, size, Digest.of(content))
    good = Piece("good", source, 0, size, Digest.of(content))

    copier.copy(short, target, 0)
    copier.copy(good, target, size)

    assert [(found.piece, found.got) for found in copier.settle()] == [(short, None)]
    assert str(copier.settle()) == "()"


def test_an_error_while_reading_back_is_raised_where_it_is_waited_for(
    copier: Copier, tmp_path: Path
) -> None:
    content = os.urandom(LARGE)
    source = opened(tmp_path / "source", content)
    target = os.open(tmp_path / "target", os.O_WRONLY | os.O_CREAT)  # cannot be read back

    copier.copy(Piece("it", source, 0, LARGE, Digest.of(content)), target, 0)

    with pytest.raises(OSError, match="Bad file descriptor"):
        copier.settle()
    assert copier.has_failed


def test_a_file_system_that_copies_in_drops_is_patiently_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(LARGE)
    source, target = opened(tmp_path / "source", content), opened(tmp_path / "target", b"")
    copy = os.copy_file_range
    drops = iter(range(1, 10**9))

    def drop(one: int, other: int, most: int, start: int, offset: int) -> int:
        return copy(one, other, min(most, 500_000), start, offset) if next(drops) % 3 else 0

    monkeypatch.setattr(os, "copy_file_range", drop)
    with Copier() as copier:
        copier.copy(Piece("it", source, 0, LARGE, Digest.of(content)), target, 0)

        assert copier.settle() == ()
    assert (tmp_path / "target").read_bytes() == content
