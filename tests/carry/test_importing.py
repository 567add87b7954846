"""Importing honest bundles: any order, part by part, again and again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hubmirror import layout
from hubmirror.carry import receiving, walking
from hubmirror.carry.outcome import Outcome
from hubmirror.carry.reading import PartFile
from hubmirror.copying import Piece
from hubmirror.errors import ExitCode, LockedError, NotFoundError
from hubmirror.files import Modes
from hubmirror.lifecycle.going_back import release, roll_back
from hubmirror.lifecycle.marking import quarantine
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from hubmirror.sync.landing import Landing
from hubmirror.verify import verify
from hubmirror.writer import Turn, writing
from tests.carry.far_side import LARGE, FarSide
from tests.carry.handmade import Handmade

Pair = tuple[Digest, Digest]
Split = Callable[..., list[Path]]


@pytest.fixture
def split(source: Mirror, publications: Pair, tmp_path: Path) -> list[Path]:
    """The first publication in four parts, with one blob in a segment in each."""
    bundle = Handmade.of(source, publications[0], parts=4, split=[LARGE])
    return bundle.write(tmp_path / "medium")


@pytest.fixture
def incremental(source: Mirror, publications: Pair, tmp_path: Path) -> list[Path]:
    """The second publication, for who has the first."""
    first, second = publications
    have = [blob.digest for blob in source.closure(first)]
    bundle = Handmade.of(source, second, parts=2, have=have)
    bundle.base["publication"] = first.hex
    return bundle.write(tmp_path / "incremental")


def test_a_bundle_in_one_part_becomes_what_readers_see(
    source: Mirror, publications: Pair, far: FarSide, tmp_path: Path
) -> None:
    first, _ = publications
    parts = Handmade.of(source, first).write(tmp_path / "medium")

    report = far.take(*parts)

    assert report.exit_code() == ExitCode.OK
    assert report.bundles[0].outcome is Outcome.PUBLISHED
    assert far.current() == first
    assert far.leftovers() == []
    with far.mirror() as mirror:
        assert not any(verify(mirror).faults)
        assert mirror.closure(first) == source.closure(first)


def test_parts_come_in_any_order_and_one_by_one(
    publications: Pair, far: FarSide, split: list[Path]
) -> None:
    ends = [far.take(split[number]) for number in (2, 0, 3, 1)]

    assert [report.exit_code() for report in ends] == [3, 3, 3, 0]
    assert [report.bundles[0].missing() for report in ends] == [(1, 2, 4), (2, 4), (2,), ()]
    assert far.current() == publications[0]
    with far.mirror() as mirror:
        assert not any(verify(mirror).faults)


def test_a_folder_is_imported_whole_and_what_else_is_there_is_said(
    publications: Pair, far: FarSide, split: list[Path]
) -> None:
    folder = split[0].parent
    (folder / "SHA256SUMS").write_text("...")
    (folder / "transfer-list.csv").write_text("...")
    (folder / "holiday.jpg").write_bytes(b"\xff\xd8")
    (folder / "deeper").mkdir()

    report = far.take(folder)

    assert report.exit_code() == ExitCode.OK
    assert [path.name for path in report.ignored] == ["holiday.jpg"]


def test_a_part_is_known_whatever_a_medium_calls_it(far: FarSide, split: list[Path]) -> None:
    for number, path in enumerate(split):
        path.rename(path.with_name(f"5F0C2A~{number}.TAR"))

    report = far.take(split[0].parent)

    assert report.exit_code() == ExitCode.OK


@pytest.mark.parametrize("name", ["nowhere", "nowhere/at/all"])
def test_what_is_not_there_is_named_and_no_mirror_made(
    far: FarSide, tmp_path: Path, name: str
) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        far.take(tmp_path / name)

    assert not far.root.exists()


def test_an_empty_medium_is_told_apart_from_one_that_is_half_written(
    far: FarSide, tmp_path: Path
) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    with pytest.raises(NotFoundError, match="is the medium mounted there"):
        far.take(medium)

    (medium / "5f0c2a9e-000001-83a1c0de.bundle-001.tar.partial").write_bytes(b"root.json")
    with pytest.raises(NotFoundError, match="half written: run that `hubmirror export` again"):
        far.take(medium)


def test_the_same_bundle_again_changes_nothing(far: FarSide, split: list[Path]) -> None:
    far.take(*split)
    before = {path: path.stat().st_mtime_ns for path in far.root.rglob("*")}

    reports = [far.take(*split), far.take(split[2])]

    assert [one.bundles[0].outcome for one in reports] == [Outcome.UNCHANGED] * 2
    assert [one.exit_code() for one in reports] == [0, 0]
    after = {path: path.stat().st_mtime_ns for path in far.root.rglob("*")}
    incoming = far.root / layout.INCOMING
    folders = {incoming, *(incoming / name for name in layout.LOCKS)}
    assert {path for path in after if after[path] != before.get(path)} <= folders


def test_a_blob_that_was_lost_is_brought_again(
    source: Mirror, publications: Pair, far: FarSide, split: list[Path]
) -> None:
    far.take(*split)
    lost = sorted(source.closure(publications[0]))[2]
    far.mirror().blobs.path(lost.digest).unlink()

    report = far.take(*split)

    assert report.bundles[0].outcome is Outcome.PUBLISHED
    assert report.bundles[0].count == 1
    assert far.mirror().blobs.has(lost)


def test_a_blob_that_was_lost_between_two_parts_is_asked_for_again(
    far: FarSide, split: list[Path]
) -> None:
    far.take(*split[:3])
    arrived = next(path for path in sorted((far.root / "blobs").rglob("*")) if path.is_file())
    arrived.unlink()

    report = far.take(split[3])

    assert report.exit_code() == ExitCode.VERIFICATION
    assert "import all of its parts again" in report.bundles[0].hint
    assert far.current() is None
    assert far.take(*split).exit_code() == ExitCode.OK


def test_a_segment_that_is_there_is_not_read_again(
    far: FarSide, split: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = split[0].read_bytes()
    split[0].write_bytes(damaged[:-2000])  # after the segment
    far.take(split[0])
    split[0].write_bytes(damaged)
    pieces: list[str] = []

    def noting(part: PartFile, placed: walking.Placed) -> Piece:
        pieces.append(placed.member.name)
        return walking.piece_of(part, placed)

    monkeypatch.setattr(receiving, "piece_of", noting)

    report = far.take(split[0])

    assert report.exit_code() == ExitCode.INCOMPLETE
    assert len(pieces) <= 1


def test_an_incremental_bundle_completes_what_is_there(
    publications: Pair, far: FarSide, split: list[Path], incremental: list[Path]
) -> None:
    far.take(*split)

    reports = [far.take(*incremental), far.take(*incremental)]

    assert [one.bundles[0].outcome for one in reports] == [Outcome.PUBLISHED, Outcome.UNCHANGED]
    assert far.current() == publications[1]
    with far.mirror() as mirror:
        assert not any(verify(mirror).faults)


def test_a_bundle_without_its_base_publishes_nothing_and_names_what_is_missing(
    publications: Pair, far: FarSide, incremental: list[Path], split: list[Path]
) -> None:
    report = far.take(*incremental)

    assert report.exit_code() == ExitCode.INCOMPLETE
    assert report.bundles[0].lacking.count == 4
    assert len(report.bundles[0].lacking.first) == 3
    assert report.bundles[0].root.base.publication == publications[0]
    assert far.current() is None
    assert report.bundles[0].count == 2
    assert far.take(*split).exit_code() == ExitCode.OK  # the base comes late
    assert far.take(incremental[1]).bundles[0].outcome is Outcome.PUBLISHED


def test_what_a_bundle_relies_on_is_told_when_its_first_part_is_there(
    far: FarSide, incremental: list[Path]
) -> None:
    second = far.take(incremental[1])
    first = far.take(incremental[0])

    assert second.bundles[0].lacking.count == 0
    assert first.bundles[0].lacking.count == 4


def test_bundles_on_one_medium_are_taken_in_their_order(
    publications: Pair, far: FarSide, split: list[Path], incremental: list[Path]
) -> None:
    for path in incremental:
        path.rename(split[0].parent / path.name)

    reports = [far.take(split[0].parent), far.take(split[0].parent)]

    outcomes = [[bundle.outcome for bundle in one.bundles] for one in reports]
    assert outcomes == [
        [Outcome.PUBLISHED, Outcome.PUBLISHED],
        [Outcome.PASSED_OVER, Outcome.UNCHANGED],
    ]
    assert [one.exit_code() for one in reports] == [0, 0]
    assert far.current() == publications[1]


def test_an_unfinished_import_is_cleared_away_by_a_newer_one(
    source: Mirror, publications: Pair, far: FarSide, split: list[Path], tmp_path: Path
) -> None:
    far.take(split[0])
    newer = Handmade.of(source, publications[1]).write(tmp_path / "newer")

    report = far.take(*newer)

    assert report.exit_code() == ExitCode.OK
    assert far.leftovers() == []


def test_a_check_changes_nothing_and_says_what_an_import_says(
    far: FarSide, split: list[Path], tmp_path: Path
) -> None:
    content = split[1].read_bytes()
    split[1].write_bytes(content[:-3000] + b"x" + content[-2999:])

    report = far.take(split[0], split[1], split[3], check=True)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert report.bundles[0].missing() == (2, 3)
    assert [fault.number for fault in report.bundles[0].faults] == [2]
    assert not far.root.exists()
    assert not (far.folder / "state").exists()


def test_a_check_knows_what_has_arrived(far: FarSide, split: list[Path]) -> None:
    far.take(*split[:2])
    before = sorted(far.root.rglob("*"))

    report = far.take(*split[2:], check=True)

    assert report.bundles[0].outcome is Outcome.PUBLISHED
    assert far.current() is None
    assert sorted(far.root.rglob("*")) == before


def test_a_check_reads_also_what_is_there_already(far: FarSide, split: list[Path]) -> None:
    far.take(*split)
    content = split[1].read_bytes()
    split[1].write_bytes(content[:-3000] + b"x" + content[-2999:])

    assert far.take(*split, check=True).exit_code() == ExitCode.VERIFICATION
    split[1].write_bytes(content)
    assert far.take(*split, check=True).bundles[0].outcome is Outcome.UNCHANGED


def test_a_good_copy_of_a_damaged_part_is_enough(far: FarSide, split: list[Path]) -> None:
    content = split[1].read_bytes()
    split[1].with_name("again.tar").write_bytes(content)
    split[1].write_bytes(content[:-3000] + b"x" + content[-2999:])

    report = far.take(split[0].parent)

    assert report.exit_code() == ExitCode.OK


@pytest.mark.parametrize("check", [False, True])
def test_what_does_not_fit_is_refused_before_anything_is_written(
    far: FarSide, split: list[Path], monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    usage = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    report = far.take(*split, check=check)

    assert report.exit_code() == ExitCode.STORAGE
    assert "bytes are needed, 1,000,000 are free" in report.bundles[0].reason
    assert not (far.root / "blobs").exists()


def test_a_mirror_on_hold_takes_bytes_in_and_publishes_after_release(
    far: FarSide, split: list[Path]
) -> None:
    far.take(split[0])
    (far.root / "writer.json").write_text(json.dumps({"held": True}))

    report = far.take(*split)

    assert report.exit_code() == ExitCode.REFUSED
    assert far.take(*split, check=True).exit_code() == ExitCode.REFUSED
    assert far.current() is None
    (far.root / "writer.json").write_text(json.dumps({"held": False}))
    assert far.take(split[3]).exit_code() == ExitCode.OK


def test_one_writer_at_a_time(far: FarSide, split: list[Path]) -> None:
    with writing(far.settings), pytest.raises(LockedError):
        far.take(*split)

    assert far.take(*split).exit_code() == ExitCode.OK


def test_a_sync_leaves_what_an_import_began(far: FarSide, split: list[Path]) -> None:
    far.take(split[0])
    before = far.leftovers()

    Landing(far.mirror(), Modes()).clear(kept=())

    assert far.leftovers() == before


def test_what_is_quarantined_here_stays_so_after_the_next_import(
    publications: Pair, far: FarSide, split: list[Path], incremental: list[Path], source: Mirror
) -> None:
    far.take(*split)
    marked = sorted(source.closure(publications[0]))[0].digest
    quarantine(far.settings, marked.hex, "looks odd", Turn("quarantine"))

    reports = [far.take(*incremental), far.take(*incremental)]

    assert [one.bundles[0].outcome for one in reports] == [Outcome.PUBLISHED, Outcome.UNCHANGED]
    with far.mirror() as mirror:
        _, current = mirror.current()
        assert [row.digest for row in mirror.evidence(current).quarantine] == [marked]
        assert current.catalog == source.publications.read(publications[1]).catalog
        assert not any(verify(mirror).faults)


def test_a_rollback_here_holds_what_comes_next_until_it_is_released(
    publications: Pair, far: FarSide, split: list[Path], incremental: list[Path]
) -> None:
    far.take(*split)
    far.take(*incremental)
    roll_back(far.settings, publications[0].hex, "broken", Turn("rollback"))

    held = far.take(*incremental)
    release(far.settings, Turn("release"))
    released = far.take(*incremental)

    assert held.exit_code() == ExitCode.REFUSED
    assert released.bundles[0].outcome is Outcome.PUBLISHED
    assert far.current() == publications[1]


def test_every_import_that_publishes_leaves_a_line(
    publications: Pair, far: FarSide, split: list[Path]
) -> None:
    far.take(*split)
    far.take(*split)

    lines = (far.folder / "state" / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["verb"] for line in lines] == ["import"]
    assert json.loads(lines[0])["after"] == publications[0].hex
