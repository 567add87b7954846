"""Media that fail while they are read: the part is named, the mirror's own disk is not blamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hubmirror.carry import arriving
from hubmirror.carry.offers import Offer
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.carry.far_side import LARGE, FarSide
from tests.carry.handmade import Handmade

Pair = tuple[Digest, Digest]
Read = Callable[[int, int, int], bytes]


@pytest.fixture
def parts(source: Mirror, publications: Pair, tmp_path: Path) -> list[Path]:
    return Handmade.of(source, publications[0], parts=2, split=[LARGE]).write(tmp_path / "medium")


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], None]:
    """Give a file a sector that cannot be read, by every way in which it may be read."""

    def ruin(path: Path, sector: int) -> None:
        read, copy = os.pread, os.copy_file_range

        def is_in(descriptor: int, at: int, count: int) -> bool:
            opened = Path(f"/proc/self/fd/{descriptor}").readlink()
            return opened == path and at <= sector < at + count

        def bad_read(descriptor: int, count: int, at: int) -> bytes:
            if is_in(descriptor, at, count):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return read(descriptor, count, at)

        def bad_copy(source: int, target: int, count: int, at: int, to: int) -> int:
            if is_in(source, at, count):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return copy(source, target, count, at, to)

        monkeypatch.setattr(os, "pread", bad_read)
        monkeypatch.setattr(os, "copy_file_range", bad_copy)

    return ruin


@pytest.mark.parametrize("sector", [100, 600, 90_000, -900_000, -3_000, -1])
@pytest.mark.parametrize("check", [False, True])
def test_a_sector_that_cannot_be_read_names_its_part(
    far: FarSide, parts: list[Path], scratch: Callable[[Path, int], None], sector: int, check: bool
) -> None:
    size = parts[0].stat().st_size
    scratch(parts[0], sector % size)

    report = far.take(*parts, check=check)

    assert report.exit_code() == ExitCode.VERIFICATION
    faults = [*report.faults, *(one for bundle in report.bundles for one in bundle.faults)]
    assert [fault.file for fault in faults] == [parts[0]]
    assert "Input/output error" in faults[0].message


def test_a_medium_pulled_out_between_two_looks_is_named(
    far: FarSide, parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = arriving.needed_bytes

    def then_pull(offer: Offer, intake: arriving.Intake) -> int:
        parts[1].unlink()
        return needed(offer, intake)

    monkeypatch.setattr("hubmirror.carry.importing.needed_bytes", then_pull)

    report = far.take(*parts)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert [fault.number for fault in report.bundles[0].faults] == [2]
    assert "No such file" in report.bundles[0].faults[0].message
    assert report.bundles[0].arrived == {1}


def test_a_full_disk_is_no_fault_of_the_part(
    far: FarSide, parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "copy_file_range", full)
        with pytest.raises(OSError, match="No space left"):
            far.take(*parts)

    assert far.current() is None
    assert far.take(*parts).exit_code() == ExitCode.OK
