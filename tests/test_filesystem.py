"""What a file system can be trusted with."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from hubmirror import filesystem
from hubmirror.blobs import Blobs
from hubmirror.records import BlobRef, Digest


def test_a_local_file_system_passes_every_trial_and_keeps_no_trace(tmp_path: Path) -> None:
    assert filesystem.probe(tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_trial_that_fails_or_is_refused_is_named(tmp_path: Path) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError(1, "Operation not permitted")

    trials = {"one": lambda _: True, "two": lambda _: False, "three": refused}

    found = filesystem.run_trials(tmp_path, trials)

    assert found == ("two: is not kept", "three: Operation not permitted")
    assert list(tmp_path.iterdir()) == []


def test_the_type_is_that_of_the_innermost_mount() -> None:
    assert filesystem.kind_of(Path("/proc/self")) == "proc"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ESTALE])
def test_a_promised_file_is_asked_for_again(tmp_path: Path, number: int) -> None:
    refused = [OSError(number, os.strerror(number))] * 2

    def look(_: Path) -> str:
        if refused:
            raise refused.pop()
        return "seen"

    found = filesystem.patiently(tmp_path / "late", look, promised=True, patience_s=20)

    assert found == "seen"


def test_a_file_that_nothing_promises_is_missing_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        filesystem.patiently(tmp_path / "no", Path.stat, promised=False, patience_s=20)


def test_patience_ends(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        filesystem.patiently(tmp_path / "no", Path.stat, promised=True, patience_s=0.01)


def test_a_local_file_system_is_not_waited_for(tmp_path: Path) -> None:
    looks: list[Path] = []

    def look(path: Path) -> None:
        looks.append(path)
        raise FileNotFoundError(errno.ENOENT, "gone")

    with pytest.raises(FileNotFoundError):
        filesystem.patiently(tmp_path / "no", look, promised=True)

    assert len(looks) == 1


def test_a_blob_is_seen_once_its_folder_was_read_again(tmp_path: Path) -> None:
    content = b"late"
    blobs = Blobs(tmp_path, patience_s=20)
    path = blobs.path(Digest.of(content))
    path.parent.mkdir(parents=True)

    def appear(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.scandir" and str(arguments[0]) == str(path.parent) and not path.exists():
            path.write_bytes(content)

    sys.addaudithook(appear)  # stays for ever, and asks for this one folder only

    assert blobs.check(BlobRef(Digest.of(content), 4), full=True) == path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ext4", "one writer at a time"),
        ("nfs4", "writers on one host only"),
        ("lustre", "writers on one host only"),
        ("fuse.rclone", "depends on its driver"),
        ("", "of an unknown type"),
    ],
)
def test_what_is_safe_is_said_plainly(kind: str, words: str) -> None:
    said = filesystem.describe(kind)

    assert words in said
    assert "readers are safe" in said
