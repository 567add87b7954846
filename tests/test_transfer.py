"""From mirror to mirror: only what is missing, verified, and names last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubmirror import files, layout, transfer
from hubmirror.errors import VerificationError
from hubmirror.mirror import Mirror
from hubmirror.publish import publish
from hubmirror.records import BlobRef, Digest
from hubmirror.transfer import MirrorSource, MirrorTarget, replicate
from hubmirror.verify import verify
from tests.samples import CONTENTS, MODES, checkpoint, holdings, published_mirror, unit


def add(mirror: Mirror, content: bytes) -> BlobRef:
    with files.staged(mirror.incoming) as (stream, path):
        stream.write(content)
        stream.flush()
        mirror.blobs.add(path, Digest.of(content), MODES)
    return BlobRef(Digest.of(content), len(content))


def spoil(mirror: Mirror, blob: BlobRef) -> None:
    path = mirror.blobs.path(blob.digest)
    path.chmod(0o600)
    path.write_bytes(bytes(blob.size_bytes))


def test_readers_of_a_replica_see_what_the_first_mirror_publishes(tmp_path: Path) -> None:
    source, published = published_mirror(tmp_path / "one")
    target = Mirror.create(tmp_path / "other", MODES)

    done = replicate(source, published.digest, target, MODES)

    with source, target:
        assert done.count == len(source.closure(published.digest))
        assert target.current() == source.current()
        assert target.catalog().holdings() == holdings()
        assert verify(target).faults == ()
    assert list(target.leftovers()) == []


def test_only_what_is_missing_is_brought(tmp_path: Path) -> None:
    source, _ = published_mirror(tmp_path / "one")
    target, _ = published_mirror(tmp_path / "other")
    row = checkpoint("https://h.example/new.pth", b"new weights")
    add(source, b"new weights")
    second = publish(source, holdings(unit(checkpoints=(row,))), MODES)
    assert second

    done = replicate(source, second.digest, target, MODES)

    catalog = second.publication.catalog
    assert (done.count, done.size_bytes) == (2, row.size_bytes + catalog.size_bytes)
    with target:
        assert target.current()[0] == second.digest


def test_a_wrong_blob_is_named_and_readers_see_what_they_saw(tmp_path: Path) -> None:
    source, published = published_mirror(tmp_path / "one")
    target = Mirror.create(tmp_path / "other", MODES)
    bad = BlobRef(Digest.of(b"weights"), len(b"weights"))
    spoil(source, bad)

    with source, pytest.raises(VerificationError, match=f"{bad.digest}: expected sha256"):
        replicate(source, published.digest, target, MODES)

    assert target.publications.current() is None
    assert target.publications.kept() == []
    assert not target.blobs.has(bad)
    assert target.blobs.has(BlobRef(Digest.of(CONTENTS[0]), len(CONTENTS[0])))
    assert list(target.leftovers()) == []


def test_a_missing_blob_is_named_with_what_to_do(tmp_path: Path) -> None:
    source, published = published_mirror(tmp_path / "one")
    target = Mirror.create(tmp_path / "other", MODES)
    source.blobs.path(Digest.of(b"weights")).unlink()

    with source, pytest.raises(VerificationError, match="missing") as caught:
        replicate(source, published.digest, target, MODES)

    assert "hubmirror verify" in caught.value.hint
    assert list(target.leftovers()) == []


def test_what_a_killed_run_left_is_not_believed(tmp_path: Path) -> None:
    source, published = published_mirror(tmp_path / "one")
    target = Mirror.create(tmp_path / "other", MODES)
    (target.incoming / Digest.of(b"weights").hex).write_bytes(b"longer than the weights are")

    replicate(source, published.digest, target, MODES)

    with source, target:
        assert verify(target).faults == ()


def test_batches_are_bounded_by_what_may_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_BATCH_OPEN", 3)
    source = Mirror.create(tmp_path / "one", MODES)
    target = Mirror.create(tmp_path / "other", MODES)
    blobs = [add(source, os.urandom(200_000)) for _ in range(8)]
    seen: list[int] = []

    with MirrorTarget(target, MODES) as arriving:
        for piece in MirrorSource(source.blobs).pieces(blobs):
            arriving.take(piece)
            seen.append(len(list(target.blobs.held())))
        assert arriving.settle() == ()

    assert seen == [0, 0, 3, 3, 3, 6, 6, 6]
    assert list(target.blobs.held()) == sorted(blob.digest for blob in blobs)
    assert not any((target.root / layout.INCOMING).iterdir())
