"""What a prune takes away, and what nothing makes it take."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror import layout
from hubmirror.errors import LockedError, NotFoundError, VerificationError
from hubmirror.evidence import Evidence, Pin, Quarantined
from hubmirror.exports import Export, ExportState, record
from hubmirror.files import exclusive
from hubmirror.hub.doctor import diagnose
from hubmirror.layout import StateLayout
from hubmirror.lifecycle import pruning, roots
from hubmirror.lifecycle.going_back import roll_back
from hubmirror.lifecycle.keeping import Fate, Judged, PrunePlan, Rule
from hubmirror.publish import publish, republish
from hubmirror.records import Digest, Holdings, Source
from hubmirror.writer import writing
from hubmirror.writer_file import Hold, WriterFile
from tests.lifecycle.site import NOW, TURN, Site, weights

AT = "2026-11-25T00:00:00+00:00"


def test_what_is_retired_stays_readable_until_its_grace_is_over(site: Site) -> None:
    old = site.publish("one", "two")
    new = site.publish("two")

    site.prune()
    with site.open() as mirror:
        assert mirror.catalog(old.digest).find_checkpoint("https://h.example/one.pth")
    site.prune(days=13)
    assert site.has("one")
    plan = site.prune(days=15)

    assert [one.digest for one in plan.fated(Fate.REMOVE)] == [old.digest]
    assert site.kept() == [new.digest]
    assert (site.has("one"), site.has("two")) == (False, True)
    site.check()


def test_when_it_was_retired_is_told_by_the_mirror_itself(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")

    site.prune()

    since = WriterFile.read(site.root).retired
    assert since == {old.digest: NOW.isoformat(timespec="seconds")}


def test_what_is_kept_again_is_retired_no_more(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    site.prune()

    plan = site.prune(publications=2)

    assert plan.is_empty()
    assert WriterFile.read(site.root).retired == {}
    assert old.digest in site.kept()


def test_a_removed_publication_leaves_no_name_behind(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    (site.root / layout.signature(old.digest)).write_bytes(b"signed")

    site.prune(reader_grace_s=0, days=1)

    assert not list((site.root / layout.PUBLICATIONS).glob(f"{old.digest}*"))
    assert WriterFile.read(site.root).retired == {}


def test_a_pinned_publication_stays_with_all_that_it_needs(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    pinned = Evidence(pins=(Pin("one", old.digest, "paper", AT),))
    with writing(site.settings) as desk:
        republish(desk.mirror, desk.mirror.current()[1], pinned, site.settings.modes)

    plan = site.prune(reader_grace_s=0, days=1)

    assert {one.reason for one in plan.fated(Fate.KEEP)} == {"current", "pinned for one (paper)"}
    assert site.has("one")
    site.check()


def carried(site: Site, publication: Digest, state: ExportState) -> None:
    """Write down an export of a publication, made now."""
    made = NOW.isoformat(timespec="seconds")
    told = Export(
        Digest.of(b"bundle"), "b", publication, None, "o", 1, "have", "", 1, 1, 1, made, state
    )
    record(StateLayout(site.folder / "state"), told)


@pytest.mark.parametrize("state", ExportState)
def test_what_was_exported_stays_until_somebody_answers(site: Site, state: ExportState) -> None:
    old = site.publish("one")
    site.publish("two")
    carried(site, old.digest, state)

    site.prune(reader_grace_s=0, days=1)

    assert site.has("one") is (state is ExportState.CARRIED)


def test_an_export_is_not_waited_for_for_ever(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    carried(site, old.digest, ExportState.CARRIED)

    site.prune(reader_grace_s=0, days=91)

    assert not site.has("one")


def test_what_a_lock_pins_stays_though_its_unit_is_not_whole(site: Site) -> None:
    arrived = site.put(b"arrived")
    lock = json.dumps({"checkpoints": [{"url": "https://h/w", "sha256": arrived.hex}]})
    site.put(b"one")
    wanted = Holdings((Source("team", lock),), (weights("one"),))
    with writing(site.settings) as desk:
        publish(desk.mirror, wanted, site.settings.modes)

    site.prune(reader_grace_s=0, days=1)

    assert site.has("arrived")


def test_what_a_killed_run_fetched_stays_for_the_grace(site: Site) -> None:
    site.publish("one")
    site.put(b"fetched")

    early = site.prune(days=13)
    assert site.has("fetched")
    late = site.prune(days=15)

    assert ([one.size_bytes for one in early.waiting], late.waiting) == ([7], ())
    assert not site.has("fetched")


def test_what_waits_for_a_release_stays(site: Site) -> None:
    site.publish("one")
    site.put(b"fetched")
    held = replace(WriterFile.read(site.root), held=Hold())
    held.write(site.root, site.settings.modes)

    site.prune(days=99)

    assert site.has("fetched")


def test_what_arrived_of_a_bundle_waits_for_its_other_parts(site: Site) -> None:
    site.publish("one")
    site.put(b"arrived")
    (site.root / layout.INCOMING / "import-abc").mkdir()

    site.prune(days=89)
    assert site.has("arrived")
    site.prune(days=91)

    assert not site.has("arrived")


def test_a_damaged_publication_stops_it_before_anything_is_gone(site: Site) -> None:
    site.publish("one")
    damaged = site.publish("two")
    site.publish("three")
    path = site.root / layout.publication(damaged.digest)
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(VerificationError, match="nothing was removed"):
        site.prune(reader_grace_s=0, days=1)

    assert len(site.kept()) == 3
    assert site.has("one")


def test_a_damaged_catalog_that_is_to_stay_stops_it(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    catalog = site.open().blobs.path(old.publication.catalog.digest)
    catalog.chmod(0o644)
    catalog.write_bytes(b"x" * catalog.stat().st_size)

    with pytest.raises(VerificationError, match="expected sha256"):
        site.prune(days=20)

    assert site.has("one")


def test_a_damaged_current_publication_stops_it(site: Site) -> None:
    site.publish("one")
    (site.root / layout.CURRENT).write_bytes(b"{")

    with pytest.raises(VerificationError, match="does not name a publication"):
        site.prune(days=20)


def test_a_blob_that_a_quarantine_or_rollback_needs_by_then_stays(site: Site) -> None:
    site.publish("one")
    marks = Evidence(quarantine=(Quarantined(Digest("c" * 64), "bad", AT),))
    with writing(site.settings) as desk:
        mirror, content = desk.mirror, desk.mirror.current()[1]
        republish(mirror, content, marks, site.settings.modes)
        republish(mirror, content, Evidence(), site.settings.modes)
        goes = next(one for one in roots.stored(mirror) if one.digest == Digest.of(marks.encode()))
        current = mirror.current()
        plan = PrunePlan((Judged(*current, Fate.KEEP, "current"),), (goes,))
        again = republish(mirror, content, marks, site.settings.modes)

        gone = pruning.remove_blobs(desk, plan)

    assert gone == ()
    assert site.open().evidence(again.publication) == marks


def test_leftovers_of_killed_runs_go_and_what_was_put_waits(site: Site) -> None:
    site.publish("one")
    incoming = site.root / layout.INCOMING
    put = incoming / Digest.of(b"put").hex
    for path in (incoming / "new-killed", put):
        path.write_bytes(b"x")
    (incoming / "import-abc").mkdir()
    (incoming / "import-abc" / "root.json").write_bytes(b"{}")

    site.prune(days=15)
    assert sorted(path.name for path in incoming.iterdir() if path.name not in layout.LOCKS) == (
        sorted([put.name, "import-abc"])
    )
    site.prune(days=91)

    assert not (incoming / "import-abc").exists()
    assert put.exists()


def test_a_prune_with_nothing_to_do_writes_nothing(site: Site) -> None:
    site.publish("one")
    before = {path: path.stat().st_mtime_ns for path in files_of(site.root)}

    assert site.prune(days=99).is_empty()

    assert {path: path.stat().st_mtime_ns for path in files_of(site.root)} == before
    assert not (site.folder / "state" / "audit.jsonl").exists()


def files_of(root: Path) -> list[Path]:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return [path for path in paths if path.name not in layout.LOCKS]


def test_a_plan_takes_no_lock_and_needs_no_state(site: Site) -> None:
    site.publish("one")
    site.publish("two")
    elsewhere = replace(site.settings, state=str(site.folder / "none"))

    with exclusive(site.folder / "state" / "run.lock"):
        plan = pruning.plan_prune(elsewhere, Rule(1, 0), NOW)

    assert len(plan.fated(Fate.RETIRE)) == 1
    assert not (site.folder / "none").exists()


def test_no_prune_runs_beside_another_writer(site: Site) -> None:
    site.publish("one")

    with exclusive(site.folder / "state" / "run.lock", "sync"), pytest.raises(LockedError) as told:
        site.prune()

    assert told.value.message.endswith(", sync")


def test_no_mirror_is_made_in_order_to_prune_it(site: Site) -> None:
    with pytest.raises(NotFoundError, match="no mirror here"):
        site.prune()

    assert not site.root.exists()


def test_what_was_done_is_written_down_with_counts(site: Site) -> None:
    site.publish("one")
    new = site.publish("two")

    site.prune(reader_grace_s=0, days=1)

    (line,) = site.audit()
    assert (line["verb"], line["removed"], line["retired"]) == ("prune", 1, 0)
    assert line["before"] == line["after"] == new.digest.hex
    assert line["blobs"] == 2
    assert line["freed_bytes"] > 0


def test_a_rolled_back_content_is_not_lost_to_the_next_prune(site: Site) -> None:
    first = site.publish("one")
    site.publish("two")
    roll_back(site.settings, first.digest.hex, "", TURN)

    site.prune(reader_grace_s=0, days=1)

    assert len(site.kept()) == 1
    assert site.has("one")
    site.check()


def test_the_doctor_warns_who_holds_to_a_retired_publication(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    site.prune()

    found = diagnose(replace(site.settings, publication=old.digest.hex), [], 9999)

    assert any("retired since" in one.message for one in found.findings)
