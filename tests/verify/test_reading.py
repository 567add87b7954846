"""Many files hashed at once give what each gives alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hubmirror.records import BlobRef, Digest
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

    read = {one.blob: one.hex for batch in batches for one in batch}
    assert read == {one: one.digest.hex for one in blobs}


@pytest.mark.parametrize("count", [1, 1500])
def test_a_file_that_cannot_be_read_has_its_error(tmp_path: Path, count: int) -> None:
    blobs = [blob(tmp_path, b"%d" % number) for number in range(count)]
    bad = blobs[count // 2]
    (tmp_path / bad.digest.hex).unlink()
    (tmp_path / bad.digest.hex).mkdir()

    batches = list(hash_files(blobs, lambda one: f"{tmp_path}/{one.digest.hex}", jobs=2))

    failed = [one for batch in batches for one in batch if one.error]
    assert [(one.blob, one.error) for one in failed] == [(bad, errno.EISDIR)]
