"""Repair fetches what is bad and nothing else, from whoever has it, and says what it could not."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from hubmirror import layout
from hubmirror.carry.exporting import Order as ExportOrder
from hubmirror.carry.exporting import export, plan_export
from hubmirror.carry.known import Known
from hubmirror.carry.selecting import consign
from hubmirror.errors import NotFoundError, VerificationError
from hubmirror.layout import StateLayout
from hubmirror.lifecycle.going_back import roll_back
from hubmirror.mirror import Mirror
from hubmirror.repair import UPSTREAM, Order, look
from hubmirror.verify import Depth, verify
from hubmirror.writer import Turn
from hubmirror.writer_file import WriterFile
from tests.repair.world import World, cut, delete, flip
from tests.verify.test_verify import lengthen

BLOBS = ("checkpoint", "snapshot", "about", "catalog", "evidence")


def bundle(world: World, folder: Path, *, part_bytes: int) -> list[Path]:
    """Export the sound copy, as a courier brings it."""
    folder.mkdir()
    state = StateLayout(world.folder / "far-state")
    state.root.mkdir()
    with (
        Mirror.open(world.far) as mirror,
        consign(mirror, mirror.current()[0], ()) as consignment,
    ):
        plan = plan_export(consignment, Known(), part_bytes=part_bytes, label="")
        export(plan, consignment, mirror, state, ExportOrder(folder))
    return sorted(folder.glob("*.tar"))


def faults(world: World) -> tuple[str, ...]:
    with Mirror.open(world.root) as mirror:
        return verify(mirror).faults


def test_only_what_is_bad_is_replaced_and_never_in_place(world: World) -> None:
    bad = world.file("checkpoint")
    before = {path: path.stat().st_ino for path in world.root.rglob("*") if path.is_file()}
    flip(bad)
    with bad.open("rb") as reader:
        damaged = reader.read()

        report = world.repair(world.far)

        reader.seek(0)
        assert reader.read() == damaged  # whoever reads it goes on with what it has
    changed = {path for path, inode in before.items() if path.stat().st_ino != inode}
    assert [one.path for one in report.mended] == [str(bad)]
    assert {path for path in changed if path.name not in layout.LOCKS} == {bad}


def test_a_whole_mirror_of_damage_is_mended_from_a_copy(world: World) -> None:
    for kind in BLOBS:
        lengthen(world.file(kind))
    delete(world.file("publication"))

    report = world.repair(world.far)

    assert report.left == ()
    assert len(report.mended) == len(BLOBS) + 1
    assert faults(world) == ()


@pytest.mark.parametrize("part_bytes", [30_000, 10_000_000], ids=["segments", "whole"])
def test_a_bundle_gives_what_it_carries(world: World, tmp_path: Path, part_bytes: int) -> None:
    parts = bundle(world, tmp_path / "medium", part_bytes=part_bytes)
    for kind in BLOBS:
        flip(world.file(kind))
    delete(world.file("publication"))

    report = world.repair(tmp_path / "medium")

    assert (len(parts) > 1) is (part_bytes < 100_000)
    assert report.left == ()
    assert faults(world) == ()


def test_a_part_that_is_damaged_itself_mends_nothing(world: World, tmp_path: Path) -> None:
    (part,) = bundle(world, tmp_path / "medium", part_bytes=10_000_000)
    name = world.file("checkpoint").name.encode()
    content = part.read_bytes()
    at = content.rindex(name) + 600
    part.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    flip(world.file("checkpoint"))

    report = world.repair(part)

    (left,) = report.left
    assert any(str(part) in reason for reason in left.reasons)


def test_places_are_asked_in_order_until_one_has_it(world: World, tmp_path: Path) -> None:
    poor = shutil.copytree(world.far, tmp_path / "poor")
    (
        poor / layout.BLOBS / world.file("checkpoint").parent.name / world.file("checkpoint").name
    ).unlink()
    delete(world.file("checkpoint"))
    delete(world.file("about"))

    report = world.repair(poor, world.far)

    assert {(Path(one.path).name, one.source) for one in report.mended} == {
        (world.file("about").name, str(poor)),
        (world.file("checkpoint").name, str(world.far)),
    }


def test_a_copy_with_the_same_damage_is_not_believed(world: World, tmp_path: Path) -> None:
    flip(world.file("checkpoint"))
    bad = shutil.copytree(world.root, tmp_path / "bad")

    report = world.repair(bad)

    (left,) = report.left
    assert left.finding.path == str(world.file("checkpoint"))
    assert left.finding.needed_by
    assert "expected sha256" in left.reasons[-1]


def test_quick_finds_what_is_cut_and_not_what_is_flipped(world: World) -> None:
    cut(world.file("checkpoint"))
    flip(world.file("about"))

    report = world.repair(order=Order((str(world.far),), Depth.quick()))

    assert [one.path for one in report.mended] == [str(world.file("checkpoint"))]


def test_a_look_changes_nothing(world: World) -> None:
    cut(world.file("checkpoint"))
    before = {path: path.stat().st_ctime_ns for path in world.folder.rglob("*")}

    report = look(world.settings, Order())

    assert [one.finding.path for one in report.left] == [str(world.file("checkpoint"))]
    assert report.asked == (UPSTREAM,)
    assert {path: path.stat().st_ctime_ns for path in world.folder.rglob("*")} == before


def test_repair_ends_what_a_reader_has_to_fall_back_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    delete(world.file("publication"))
    with Mirror.open(world.root) as mirror, caplog.at_level(logging.WARNING):
        assert not mirror.serving().is_current
    caplog.clear()

    world.repair(world.far)

    with Mirror.open(world.root) as mirror, caplog.at_level(logging.WARNING):
        assert mirror.serving().is_current
    assert caplog.text == ""


def test_a_lost_current_json_names_the_newest_sound_one_with_a_warning(world: World) -> None:
    delete(world.file("current.json"))

    report = world.repair(UPSTREAM)

    with Mirror.open(world.root) as mirror:
        assert mirror.current()[1].sequence == 2
        assert mirror.publications.last_sequence() == 2
    (warning,) = report.warnings
    assert "readers now see the newest sound one, sequence 2" in warning


def test_a_hold_outlives_the_file_that_said_so(world: World) -> None:
    with Mirror.open(world.root) as mirror:
        first = mirror.current()[1].previous
    assert first
    roll_back(world.settings, first.hex, "worse", Turn("rollback"))
    flip(world.file("writer.json"))

    report = world.repair(UPSTREAM)

    assert WriterFile.read(world.root).held is not None
    assert "what it said is lost" in report.warnings[0]


def test_a_mirror_whose_id_nobody_knows_is_given_no_other(world: World) -> None:
    delete(world.file("hubmirror.json"))
    (world.state / "mirror-id").unlink()

    with pytest.raises(VerificationError, match="no state folder says which mirror this is"):
        world.repair(world.far)

    assert not (world.root / "hubmirror.json").exists()


def test_where_there_never_was_a_mirror_none_is_made(world: World) -> None:
    shutil.rmtree(world.root)

    with pytest.raises(NotFoundError, match="no mirror here"):
        world.repair(world.far)

    assert not world.root.exists()


def test_a_repair_is_written_down(world: World) -> None:
    delete(world.file("checkpoint"))

    world.repair(world.far)

    last = (world.state / "audit.jsonl").read_text().splitlines()[-1]
    assert '"verb": "repair"' in last
    assert '"mended": 1' in last
