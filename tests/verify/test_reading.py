"""Many files hashed at once give what each gives alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hubmirror.records import BlobRef, Digest
from hubmirror.verify.ahead import Ahead
from hubmirror.verify.reading import hash_files


def blob(folder: Path, content: bytes) -> BlobRef:
    digest = Digest.of(content)
    (folder / digest.hex).write_bytes(content)
    return BlobRef(digest, len(content))


@pytest.mark.parametrize("count", [3, 1500])
def test_small_and_large_files_have_their_own_digests(tmp_path: Path, count: int) -> None:
    blobs = [blob(tmp_path, b"%d" % number) for number in range(count)]
    blobs.insert(1, blob(tmp_path, os.urandom(3 * 1024 * 1024)))

    batches = list(hash_files(blobs, lambda one: f"{tmp_path}/{one.digest.hex}", jobs=2))

    assert {one for batch in batches for one in batch.blobs} == set(blobs)
    assert [one for batch in batches for one in batch.wrong] == []


@pytest.mark.parametrize("count", [1, 1500])
def test_a_file_that_cannot_be_read_has_its_error(tmp_path: Path, count: int) -> None:
    blobs = [blob(tmp_path, b"%d" % number) for number in range(count)]
    bad = blobs[count // 2]
    (tmp_path / bad.digest.hex).unlink()
    (tmp_path / bad.digest.hex).mkdir()

    batches = list(hash_files(blobs, lambda one: f"{tmp_path}/{one.digest.hex}", jobs=2))

    failed = [one for batch in batches for one in batch.wrong]
    assert [(one.blob, one.error) for one in failed] == [(bad, errno.EISDIR)]


@pytest.mark.parametrize("count", [1, 1500])
def test_a_file_with_other_bytes_has_their_digest(tmp_path: Path, count: int) -> None:
    blobs = [blob(tmp_path, b"%d" % number) for number in range(count)]
    bad = blobs[count // 2]
    (tmp_path / bad.digest.hex).write_bytes(b"other")

    batches = list(hash_files(blobs, lambda one: f"{tmp_path}/{one.digest.hex}", jobs=2))

    wrong = [one for batch in batches for one in batch.wrong]
    assert [(one.blob, one.hex, one.size_bytes) for one in wrong] == [
        (bad, Digest.of(b"other").hex, 5)
    ]


def test_only_what_is_sound_is_told_by_what_reads_ahead(tmp_path: Path) -> None:
    blobs = [blob(tmp_path, b"%d" % number) for number in range(3000)]
    large = blob(tmp_path, os.urandom(2 * 1024 * 1024))
    bad, gone = blobs[5], blobs[2500]
    (tmp_path / bad.digest.hex).write_bytes(b"other")
    (tmp_path / gone.digest.hex).unlink()

    with Ahead([f"{tmp_path}/{one.digest.hex}" for one in (*blobs, large)], jobs=2) as ahead:
        sound = ahead.finish()

    assert sound == {one.digest.hex for one in blobs if one not in (bad, gone)}


def test_a_few_files_are_not_read_ahead(tmp_path: Path) -> None:
    one = blob(tmp_path, b"one")

    with Ahead([f"{tmp_path}/{one.digest.hex}"], jobs=2) as ahead:
        assert ahead.finish() == frozenset()


@pytest.mark.parametrize("count", [1, 1500])
def test_a_small_file_that_became_large_has_its_own_size(tmp_path: Path, count: int) -> None:
    blobs = [blob(tmp_path, b"%d" % number) for number in range(count)]
    bad, grown = blobs[count // 2], bytes(2 * 1024 * 1024)
    (tmp_path / bad.digest.hex).write_bytes(grown)

    batches = list(hash_files(blobs, lambda one: f"{tmp_path}/{one.digest.hex}", jobs=2))

    wrong = [one for batch in batches for one in batch.wrong]
    assert [(one.blob, one.hex, one.size_bytes) for one in wrong] == [
        (bad, Digest.of(grown).hex, len(grown))
    ]
