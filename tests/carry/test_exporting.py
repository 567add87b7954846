"""Bundles as they are written: whole, verified, the same each time, and gone on with."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubmirror import exports
from hubmirror.carry.destination import Destination
from hubmirror.carry.exporting import Exported
from hubmirror.carry.format import Base, BaseKind
from hubmirror.carry.having import take_stock
from hubmirror.carry.known import known_by_having, known_since
from hubmirror.carry.selecting import consign
from hubmirror.errors import LockedError, StorageError, VerificationError
from hubmirror.exports import ExportState
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.carry.sender import KB, Sender, random_bytes, unpack, url

SIZES = (100, 40 * KB, 700 * KB, 3, 90 * KB)  # the third is in several parts of SMALL
SMALL = 200 * KB


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def identities(done: Exported) -> list[int]:
    return [part.path.stat().st_ino for part in done.parts]


def test_standard_tar_gives_every_blob_back(sender: Sender, tmp_path: Path) -> None:
    publication = sender.publish(*SIZES)

    done = sender.export(tmp_path / "out", part_bytes=SMALL)

    found = unpack([part.path for part in done.parts], tmp_path / "unpacked")
    closure = sender.closure(publication)
    assert found == {blob.digest: sender.path(blob).read_bytes() for blob in closure}
    assert len(done.parts) == 5
    assert all(part.path.stat().st_size == part.size_bytes <= SMALL for part in done.parts)


def test_tar_lists_plain_files_of_nobody_and_no_time(sender: Sender, tmp_path: Path) -> None:
    sender.publish(*SIZES)

    first, *_ = sender.export(tmp_path / "out", part_bytes=SMALL).parts

    words = ["tar", "--utc", "-tvf", str(first.path)]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"-r--r--r--"}
    assert {line.split()[1] for line in lines} == {"0/0"}
    assert all("1970-01-01 00:00" in line for line in lines)
    head = [line.split()[-1] for line in lines[:4]]
    assert head == ["root.json", "publication.json", "members.json", "requires.bin"]


def test_the_parts_are_in_sha256sums_and_nothing_else_ends_in_tar(
    sender: Sender, tmp_path: Path
) -> None:
    sender.publish(*SIZES)

    done = sender.export(tmp_path / "out", part_bytes=SMALL)

    words = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    said = subprocess.run(words, cwd=tmp_path / "out", check=True, capture_output=True, text=True)
    names = sorted(part.path.name for part in done.parts)
    assert said.stdout.splitlines() == [f"{name}: OK" for name in names]
    others = {"SHA256SUMS", "transfer-list.csv"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*names, *others}


def test_the_same_export_is_the_same_bytes(sender: Sender, tmp_path: Path) -> None:
    sender.publish(*SIZES)

    sender.export(tmp_path / "one", part_bytes=SMALL)
    sender.export(tmp_path / "other", part_bytes=SMALL)

    assert files_of(tmp_path / "one") == files_of(tmp_path / "other")


def test_a_bundle_may_be_called_by_another_name(sender: Sender, tmp_path: Path) -> None:
    sender.publish(10)

    done = sender.export(tmp_path / "out", label="vision")

    assert [part.path.name for part in done.parts] == ["vision.bundle-001.tar"]


def test_a_mirror_that_publishes_nothing_but_its_catalog_is_carried(
    sender: Sender, tmp_path: Path
) -> None:
    sender.publish()

    (part,) = sender.export(tmp_path / "out").parts

    assert len(unpack([part.path], tmp_path / "unpacked")) == 1


def test_only_what_the_far_side_lacks_is_carried_and_the_rest_is_required(
    sender: Sender, tmp_path: Path
) -> None:
    first = sender.publish(1000, 2000)
    with Mirror.open(sender.root) as mirror:
        (tmp_path / "have.json").write_text(take_stock(mirror).encode())
    there = sender.closure(first)
    second = sender.publish(1000, 2000, 10 * KB)

    known = known_by_having(tmp_path / "have.json")
    done = sender.export(tmp_path / "out", known=known)

    cargo = done.bundle.cargo
    assert {*cargo.carried, *cargo.required} == sender.closure(second)
    assert {*cargo.required} == {blob for blob in sender.closure(second) if blob in there}
    assert cargo.base == Base(BaseKind.HAVE, first)
    assert unpack([done.parts[0].path], tmp_path / "x").keys() == {
        blob.digest for blob in cargo.carried
    }
    assert Digest.of(random_bytes(10 * KB, 2)) in {blob.digest for blob in cargo.carried}
    assert exports.recorded(sender.state)[0].destination == known.mirror


def test_what_an_earlier_publication_needs_is_assumed_with_since(
    sender: Sender, tmp_path: Path
) -> None:
    first = sender.publish(1000, 2000)
    sender.publish(2000, 10 * KB)
    with Mirror.open(sender.root) as mirror, consign(mirror, first, ()) as earlier:
        known = known_since(earlier)

    done = sender.export(tmp_path / "out", known=known)

    assert known.held == {blob.digest for blob in sender.closure(first)}
    assert done.bundle.root.base == Base(BaseKind.SINCE, first)
    assert not {blob.digest for blob in done.bundle.cargo.carried} & known.held


def test_a_complete_bundle_is_left_as_it_is(sender: Sender, tmp_path: Path) -> None:
    sender.publish(*SIZES)
    before = sender.export(tmp_path / "out", part_bytes=SMALL)
    (exported,) = exports.recorded(sender.state)
    answered = exported.answered(ExportState.ACKNOWLEDGED, datetime(2026, 11, 25, tzinfo=UTC))
    exports.record(sender.state, answered)

    after = sender.export(tmp_path / "out", part_bytes=SMALL)

    assert identities(after) == identities(before)
    assert all(part.is_kept for part in after.parts)
    assert exports.recorded(sender.state) == (answered,)


def lose(done: Exported) -> None:
    done.parts[1].path.unlink()


def cut(done: Exported) -> None:
    os.truncate(done.parts[1].path, 2000)


def forget(done: Exported) -> None:
    sums = done.parts[1].path.with_name("SHA256SUMS")
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "bundle-002" not in line))


def replace_by_another(done: Exported) -> None:
    shutil.copy(done.parts[0].path, done.parts[1].path)
    with done.parts[1].path.open("r+b") as stream:
        stream.seek(600)
        stream.write(b"another")


@pytest.mark.parametrize("harm", [lose, cut, forget, replace_by_another])
def test_a_part_that_is_not_complete_is_written_again_and_no_other(
    sender: Sender, tmp_path: Path, harm: Callable[[Exported], None]
) -> None:
    sender.publish(*SIZES)
    before = sender.export(tmp_path / "out", part_bytes=SMALL)
    whole = files_of(tmp_path / "out")
    harm(before)

    after = sender.export(tmp_path / "out", part_bytes=SMALL)

    assert [part.is_kept for part in after.parts] == [True, False, True, True, True]
    assert files_of(tmp_path / "out") == whole


def test_parts_of_an_older_bundle_stay_and_keep_their_sums(sender: Sender, tmp_path: Path) -> None:
    sender.publish(1000)
    older = sender.export(tmp_path / "out")
    sender.publish(1000, 2000)

    newer = sender.export(tmp_path / "out")

    sums = (tmp_path / "out" / "SHA256SUMS").read_text()
    assert older.parts[0].path.exists()
    assert sums.count("\n") == 2
    assert all(done.parts[0].path.name in sums for done in (older, newer))


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_wrong_blob_is_named_and_is_in_no_part(
    sender: Sender, tmp_path: Path, number: int
) -> None:
    sender.publish(*SIZES)
    bad = sender.spoil(number, SIZES[number])

    with pytest.raises(VerificationError) as caught:
        sender.export(tmp_path / "out", part_bytes=SMALL)

    assert f"{bad}: expected sha256 " in caught.value.message
    assert f"needed by {url(number)}" in caught.value.message
    assert "remove that file" in caught.value.hint
    parts = list((tmp_path / "out").glob("*.tar"))
    assert bad.read_bytes()[-1000:] not in b"".join(part.read_bytes() for part in parts)
    assert not list((tmp_path / "out").glob("*.partial"))


def test_once_a_wrong_blob_is_mended_the_export_goes_on(sender: Sender, tmp_path: Path) -> None:
    sender.publish(*SIZES)
    bad = sender.spoil(1, SIZES[1])
    with pytest.raises(VerificationError):
        sender.export(tmp_path / "out", part_bytes=SMALL)
    complete = len(list((tmp_path / "out").glob("*.tar")))
    bad.write_bytes(random_bytes(SIZES[1], 1))

    done = sender.export(tmp_path / "out", part_bytes=SMALL)

    assert sum(part.is_kept for part in done.parts) == complete


def test_missing_blobs_are_named_before_anything_is_written(sender: Sender, tmp_path: Path) -> None:
    sender.publish(*SIZES)
    for number in (0, 3):
        sender.spoil(number, SIZES[number]).unlink()

    with pytest.raises(
        VerificationError, match=r"missing and 1 more; needed by https://h"
    ) as caught:
        sender.export(tmp_path / "out")

    assert "hubmirror verify" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_a_medium_that_is_too_small_is_refused_with_both_figures(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.publish(*SIZES)
    usage = shutil.disk_usage("/")._replace(free=500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(
        StorageError, match=r"9\d\d,\d\d\d bytes are needed, 500,000 are free"
    ) as caught:
        sender.export(tmp_path / "out", part_bytes=SMALL)

    assert "make room; then run the same command again" in caught.value.hint
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EIO, "see to the medium"),
        (errno.EFBIG, "--part-size fat32"),
    ],
)
def test_a_medium_that_fails_keeps_the_parts_that_are_complete(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    sender.publish(*SIZES)
    write, done = os.pwrite, 0

    def fail(descriptor: int, content: bytes, offset: int) -> int:
        nonlocal done
        done += len(content)
        if done > 450 * KB:
            raise OSError(number, os.strerror(number))
        return write(descriptor, content, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        patch.setattr(os, "copy_file_range", _refuse)
        with pytest.raises(StorageError, match=os.strerror(number)) as caught:
            sender.export(tmp_path / "out", part_bytes=SMALL)
    again = sender.export(tmp_path / "out", part_bytes=SMALL)

    assert advice in caught.value.hint
    assert "it keeps the parts that are complete" in caught.value.hint
    assert [part.is_kept for part in again.parts] == [True, True, False, False, False]


def _refuse(*_: object) -> int:
    raise OSError(errno.EXDEV, "another file system")


def test_a_medium_that_was_pulled_out_is_told_as_such(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.publish(*SIZES)
    rename = Path.rename

    def pull_out(path: Path, target: Path) -> Path:
        if "bundle-002" in path.name:
            shutil.rmtree(path.parent)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", pull_out)
    with pytest.raises(StorageError, match="No such file") as caught:
        sender.export(tmp_path / "out", part_bytes=SMALL)

    assert "plugged in; then run the same command again" in caught.value.hint


def test_a_disk_of_the_mirror_that_fails_is_not_blamed_on_the_medium(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.publish(1000)

    def fail(descriptor: int, size: int, offset: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(OSError, match="Input/output error") as caught:
        sender.export(tmp_path / "out")

    assert str(sender.root) in caught.value.filename


def test_a_folder_on_a_medium_that_is_not_mounted_is_not_made(
    sender: Sender, tmp_path: Path
) -> None:
    sender.publish(10)

    with pytest.raises(StorageError, match=r"usb is not there") as caught:
        sender.export(tmp_path / "media" / "usb" / "out")

    assert "mount the medium" in caught.value.hint


def test_two_exports_into_one_folder_keep_out_of_each_others_way(
    sender: Sender, tmp_path: Path
) -> None:
    sender.publish(10)
    with (
        Destination(tmp_path / "out").claimed(),
        pytest.raises(LockedError, match="another export writes here"),
    ):
        sender.export(tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_export_was_writing_is_removed(sender: Sender, tmp_path: Path) -> None:
    sender.publish(10)
    done = sender.export(tmp_path / "out")
    left = done.parts[0].path.with_name("00000000-000001-00000000.bundle-007.tar.partial")
    other = done.parts[0].path.with_name("holiday.partial")
    for path in (left, other):
        path.write_bytes(b"half")

    sender.export(tmp_path / "out")

    assert not left.exists()
    assert other.exists()


def test_an_export_is_recorded_with_what_it_carries(sender: Sender, tmp_path: Path) -> None:
    publication = sender.publish(*SIZES)

    done = sender.export(tmp_path / "out", part_bytes=SMALL)

    (found,) = exports.recorded(sender.state)
    root = done.bundle.root
    assert (found.bundle, found.name, found.publication) == (root.bundle, root.name, publication)
    assert (found.parts, found.blobs, found.size_bytes) == (
        5,
        root.carried.count,
        root.carried.size_bytes,
    )
    assert (found.state, found.view, found.base) == (ExportState.CARRIED, None, "nothing")
