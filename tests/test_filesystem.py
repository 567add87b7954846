"""What a file system can be trusted with."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror import filesystem


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
