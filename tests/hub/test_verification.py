"""What of a blob is believed, and for how long."""

import os
from pathlib import Path

import pytest

from hubmirror.blobs import Blobs
from hubmirror.errors import VerificationError
from hubmirror.hub.verification import Verifier
from hubmirror.records import BlobRef, Digest
from hubmirror.settings import Verify
from tests.hub.small_mirror import publish, weights

CONTENT = weights(1.0)
BLOB = BlobRef(Digest.of(CONTENT), len(CONTENT))


@pytest.fixture
def blob(mirror: Path) -> Path:
    publish(mirror, loose={"https://weights.example/a.pth": CONTENT})
    path = Blobs(mirror).path(BLOB.digest)
    path.chmod(0o644)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def damage(path: Path) -> None:
    """Change a byte, and none of what ``stat`` tells but the ctime."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_once_remembers_what_was_hashed(mirror: Path, blob: Path, cache: Path) -> None:
    Verifier(Blobs(mirror), cache, Verify.ONCE).check(BLOB)
    marks = list((cache / "verified").iterdir())

    Verifier(Blobs(mirror), cache, Verify.ONCE).check(BLOB)

    assert list((cache / "verified").iterdir()) == marks
    assert len(marks) == 1


def test_once_hashes_again_what_was_touched_in_any_way(
    mirror: Path, blob: Path, cache: Path
) -> None:
    verifier = Verifier(Blobs(mirror), cache, Verify.ONCE)
    verifier.check(BLOB)
    damage(blob)

    with pytest.raises(VerificationError, match="expected sha256"):
        verifier.check(BLOB)


def test_once_does_not_remember_what_failed(mirror: Path, blob: Path, cache: Path) -> None:
    verifier = Verifier(Blobs(mirror), cache, Verify.ONCE)
    damage(blob)

    for _ in range(2):
        with pytest.raises(VerificationError, match="expected sha256"):
            verifier.check(BLOB)


def test_full_hashes_every_time(mirror: Path, blob: Path, cache: Path) -> None:
    Verifier(Blobs(mirror), cache, Verify.ONCE).check(BLOB)
    verifier = Verifier(Blobs(mirror), cache, Verify.FULL)
    verifier.check(BLOB)
    damage(blob)

    with pytest.raises(VerificationError, match="expected sha256"):
        verifier.check(BLOB)


def test_stat_believes_the_size(mirror: Path, blob: Path, cache: Path) -> None:
    damage(blob)

    assert Verifier(Blobs(mirror), cache, Verify.STAT).check(BLOB) == blob


@pytest.mark.parametrize("verify", Verify)
def test_presence_and_size_always_count(
    mirror: Path, blob: Path, cache: Path, verify: Verify
) -> None:
    verifier = Verifier(Blobs(mirror), cache, verify)
    verifier.check(BLOB)
    blob.write_bytes(CONTENT[:-1])

    with pytest.raises(VerificationError, match=r"expected .* bytes"):
        verifier.check(BLOB)
    blob.unlink()
    with pytest.raises(VerificationError, match="missing"):
        verifier.check(BLOB)


def test_a_cache_that_cannot_be_written_costs_time_only(
    mirror: Path, blob: Path, tmp_path: Path
) -> None:
    verifier = Verifier(Blobs(mirror), tmp_path / "not" / "there", Verify.ONCE)

    assert verifier.check(BLOB) == blob
    damage(blob)
    with pytest.raises(VerificationError, match="expected sha256"):
        verifier.check(BLOB)
