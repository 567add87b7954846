"""Files that were made to harm whoever reads them: they are told to be unreadable, at most."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import zipfile
from pathlib import Path

import pytest
import torch

from hubmirror.inspection import inspect_file
from hubmirror.records import WeightsKind


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"archive/{name.replace('_', '.')}", content)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_in_a_pickle_is_run_or_imported(tmp_path: Path, protocol: int) -> None:
    harm = pickle.dumps(Runs(tmp_path / "ran"), protocol)
    path = tmp_path / "w.pth"
    path.write_bytes(zipped(data_pkl=harm, version=b"3"))

    found = inspect_file(path)

    assert (found.kind, found.globals) == (WeightsKind.NEEDS_GLOBALS, ("posix.mkdir",))
    assert not (tmp_path / "ran").exists()


HUGE_STRING = b"\x80\x02X" + struct.pack("<I", 2**32 - 1) + b"a."
HUGE_BYTES = b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b"a."
NO_END = pickle.dumps([1, 2], 2)[:-1]


@pytest.mark.parametrize(
    "pickled", [HUGE_STRING, HUGE_BYTES, NO_END, b"", b"\xff\xff", b"I" + b"9" * 9999 + b"\n."]
)
def test_a_pickle_that_is_none_is_unreadable(tmp_path: Path, pickled: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(zipped(data_pkl=pickled, version=b"3"))

    assert inspect_file(path).kind is WeightsKind.UNREADABLE


def test_two_members_of_one_name_are_not_guessed_between(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        archive.writestr("archive/DATA.PKL", pickle.dumps(print, 2))

    assert inspect_file(path).kind is WeightsKind.UNREADABLE


def test_an_archive_that_grows_without_end_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "w.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.pth", bytes(50_000_000))

    assert inspect_file(path).kind is WeightsKind.UNREADABLE


def test_an_encrypted_member_is_unreadable(tmp_path: Path) -> None:
    content = bytearray(zipped(data_pkl=pickle.dumps({}, 2), version=b"3"))
    for start in (content.find(b"PK\x03\x04") + 6, content.find(b"PK\x01\x02") + 8):
        content[start] |= 1
    path = tmp_path / "w.pth"
    path.write_bytes(content)

    assert inspect_file(path).kind is WeightsKind.UNREADABLE


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(zipped(data_pkl=b"c\x1b[31m\nred\n.", version=b"3"))

    assert inspect_file(path).globals == (r"'\x1b[31m.red'",)


def test_a_crowd_of_names_is_cut_short(tmp_path: Path) -> None:
    names = b"".join(b"cmodule\nname%d\n" % number for number in range(5000))
    path = tmp_path / "w.pth"
    path.write_bytes(zipped(data_pkl=b"(" + names + b"l.", version=b"3"))

    found = inspect_file(path).globals

    assert len(found) == 101
    assert found[-1] == "and 4900 more"


@pytest.mark.parametrize("legacy", [False, True])
def test_no_damage_raises(tmp_path: Path, legacy: bool) -> None:
    buffer = io.BytesIO()
    torch.save({"x": torch.ones(2)}, buffer, _use_new_zipfile_serialization=not legacy)
    content = buffer.getvalue()
    dice = random.Random(0)
    path = tmp_path / "w.pth"

    for _ in range(500):
        damaged = bytearray(content[: dice.randrange(len(content))] or content)
        for _ in range(dice.randrange(4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        assert inspect_file(path).kind in WeightsKind
