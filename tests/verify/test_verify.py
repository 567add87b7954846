"""verify names what is not as it was promised, in which way, and who needs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hubmirror import layout
from hubmirror.errors import InvalidInputError
from hubmirror.evidence import Evidence, Pin
from hubmirror.mirror import Mirror
from hubmirror.publish import publish
from hubmirror.records import BlobRef, Digest
from hubmirror.verify import Depth, Fault, Finding, Memory, VerifyReport, verify
from hubmirror.verify.selecting import select
from tests import samples
from tests.samples import MODES, holdings, published_mirror, unit

WEIGHTS = Digest.of(b"weights")
TAR = Digest.of(b"tar")
URL = "https://h.example/resnet18.pth"


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return published_mirror(tmp_path / "mirror")[0]


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "verified.db")


def flip(path: Path) -> None:
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"!")


def only(report: VerifyReport) -> Finding:
    (found,) = report.findings
    return found


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (flip, Fault.CORRUPT),
        (cut, Fault.TRUNCATED),
        (lengthen, Fault.CORRUPT),
        (Path.unlink, Fault.MISSING),
    ],
)
def test_a_bad_blob_is_named_with_who_needs_it(
    mirror: Mirror, damage: Callable[[Path], None], fault: Fault
) -> None:
    damage(mirror.blobs.path(WEIGHTS))

    found = only(verify(mirror))

    assert (found.fault, found.digest, found.needed_by) == (fault, WEIGHTS, (URL,))
    assert str(found).startswith(f"{mirror.blobs.path(WEIGHTS)}: {fault}: expected ")


def test_a_bad_snapshot_is_named_with_its_repo_and_commit(mirror: Mirror) -> None:
    flip(mirror.blobs.path(TAR))

    assert only(verify(mirror)).needed_by == (f"pytorch/vision at {samples.COMMIT}",)


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize("depth", [Depth(), Depth.quick()])
def test_a_bad_catalog_is_named_with_its_publication(
    mirror: Mirror, damage: Callable[[Path], None], depth: Depth
) -> None:
    digest, publication = mirror.current()
    mirror.close()
    damage(mirror.blobs.path(publication.catalog.digest))

    found = only(verify(Mirror.open(mirror.root), depth=depth))

    assert found.digest == publication.catalog.digest
    assert found.needed_by == (f"publication {digest.hex[:12]} (its catalog)",)


def test_bad_evidence_is_named_with_its_publication(mirror: Mirror) -> None:
    known = Evidence(pins=(Pin("a/b:v1", WEIGHTS, "paper", "2026-11-25T19:00:00+00:00"),))
    published = publish(mirror, holdings(), MODES, known)
    assert published
    assert published.publication.evidence
    flip(mirror.blobs.path(published.publication.evidence.digest))

    found = only(verify(mirror))

    assert found.needed_by == (f"publication {published.digest.hex[:12]} (its evidence)",)


@pytest.mark.parametrize(
    ("damage", "fault"), [(flip, Fault.CORRUPT), (cut, Fault.CORRUPT), (Path.unlink, Fault.MISSING)]
)
def test_a_bad_publication_is_named(
    mirror: Mirror, damage: Callable[[Path], None], fault: Fault
) -> None:
    digest, _ = mirror.current()
    damage(mirror.root / layout.publication(digest))

    found = only(verify(mirror))

    assert (found.fault, found.digest) == (fault, digest)


@pytest.mark.parametrize("content", [None, b"", b'{"serial": 1, "publi'])
def test_a_bad_current_json_is_named(mirror: Mirror, content: bytes | None) -> None:
    path = mirror.root / layout.CURRENT
    path.unlink() if content is None else path.write_bytes(content)

    assert only(verify(mirror)).path == str(path)


def test_what_nobody_names_is_no_fault(mirror: Mirror) -> None:
    (mirror.incoming / "new-left").write_bytes(b"")

    report = verify(mirror)

    assert report.findings == ()
    assert report.unreferenced == (Digest.of(b"more weights"),)
    assert report.leftovers == (".incoming/new-left",)


def test_quick_reads_nothing_and_looks_for_everything(mirror: Mirror) -> None:
    flip(mirror.blobs.path(WEIGHTS))
    mirror.blobs.path(TAR).unlink()

    report = verify(mirror, depth=Depth.quick())

    assert (report.hashed, only(report).digest) == (0, TAR)


def test_a_share_every_night_sees_everything_in_time(mirror: Mirror, memory: Memory) -> None:
    flip(mirror.blobs.path(WEIGHTS))

    nights = [verify(mirror, depth=Depth.sample("1/3"), memory=memory) for _ in range(3)]

    everything = {blob.digest for blob in mirror.closure(mirror.current()[0])}
    assert memory.read_at().keys() | memory.bad() == everything
    assert [one.digest for night in nights for one in night.findings].count(WEIGHTS) >= 1
    assert memory.bad() == {WEIGHTS}


def test_without_memory_the_days_see_everything_in_turn() -> None:
    blobs = [BlobRef(Digest.of(b"%d" % number), number) for number in range(100)]

    nights = [select(blobs, Depth.sample("2/7"), None, day * 86_400) for day in range(7)]

    assert {blob for night in nights for blob in night} == set(blobs)
    assert all(len(night) < 60 for night in nights)


@pytest.mark.parametrize("text", ["", "7", "0/7", "1/0", "-1/7", "a/b"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="a share such as 1/7"):
        Depth.sample(text)


def test_what_was_not_read_for_longest_comes_first(mirror: Mirror, memory: Memory) -> None:
    everything = {blob.digest for blob in mirror.closure(mirror.current()[0])}
    memory.note(everything - {WEIGHTS}, (), at=2_000_000_000)

    verify(mirror, depth=Depth.sample("1/1000"), memory=memory)

    assert WEIGHTS in memory.read_at()


def test_no_further_file_is_begun_when_the_time_is_over(mirror: Mirror, memory: Memory) -> None:
    report = verify(mirror, most_s=0, memory=memory)

    assert (report.hashed, report.oldest_read_at) == (0, None)


def test_once_every_blob_was_read_the_report_says_since_when(
    mirror: Mirror, memory: Memory
) -> None:
    before = int(time.time())

    report = verify(mirror, memory=memory)

    assert report.oldest_read_at is not None
    assert report.oldest_read_at >= before


def test_a_blob_that_was_mended_is_bad_no_longer(mirror: Mirror, memory: Memory) -> None:
    path = mirror.blobs.path(WEIGHTS)
    flip(path)
    verify(mirror, memory=memory)
    path.write_bytes(b"weights")

    verify(mirror, memory=memory)

    assert memory.bad() == frozenset()


def test_memory_that_cannot_be_kept_is_no_fault(mirror: Mirror, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 100)

    assert verify(mirror, memory=Memory(broken)).findings == ()


def test_thousands_of_small_blobs_are_all_read(tmp_path: Path) -> None:
    contents = [f"small {number}".encode() for number in range(3000)]
    mirror, _ = published_mirror(tmp_path)
    rows = tuple(
        samples.checkpoint(f"https://h.example/{number}.pth", content)
        for number, content in enumerate(contents)
    )
    for row, content in zip(rows, contents, strict=True):
        path = mirror.blobs.path(row.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    publish(mirror, holdings(unit(checkpoints=rows)), MODES)
    flip(mirror.blobs.path(rows[1234].digest))

    report = verify(mirror)

    assert report.hashed == report.checked >= 3000
    assert only(report).needed_by == (rows[1234].url,)


def test_verify_writes_nothing_into_a_mirror(mirror: Mirror) -> None:
    before = {path: path.lstat() for path in mirror.root.rglob("*")}

    verify(mirror)

    after = {path: path.lstat() for path in mirror.root.rglob("*")}
    assert {path: (one.st_mtime_ns, one.st_ino) for path, one in after.items()} == {
        path: (one.st_mtime_ns, one.st_ino) for path, one in before.items()
    }
