"""A rollback is instant, goes beside a long sync, and holds until it is released."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubmirror import layout
from hubmirror.errors import NotFoundError, RefusedError, VerificationError
from hubmirror.evidence import Evidence, Quarantined
from hubmirror.files import exclusive
from hubmirror.lifecycle.going_back import release, roll_back
from hubmirror.lifecycle.marking import quarantine
from hubmirror.publish import republish
from hubmirror.records import Digest
from hubmirror.writer import writing
from hubmirror.writer_file import WriterFile
from tests.lifecycle.site import TURN, Site
from tests.test_evidence import PROOF


def test_readers_see_the_old_content_in_a_new_publication(site: Site) -> None:
    old = site.publish("one")
    new = site.publish("two")

    done = roll_back(site.settings, old.digest.hex[:10], "worse", TURN)

    assert done.published
    with site.open() as mirror:
        digest, publication = mirror.current()
        assert digest == done.published.digest
        assert publication.catalog == old.publication.catalog
        assert publication.content_digest == old.publication.content_digest
        assert (publication.previous, publication.sequence) == (new.digest, 3)
    site.check()


def test_nothing_is_published_until_it_is_released(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    roll_back(site.settings, old.digest.hex, "worse", TURN)

    with pytest.raises(RefusedError, match="on hold"):
        site.publish("three")
    hold = release(site.settings, TURN)

    assert hold
    assert hold.reason == "worse"
    assert site.publish("three").publication.sequence == 4


def test_a_rollback_waits_for_no_run(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")

    in_state, in_mirror = site.folder / "state" / "run.lock", site.open().incoming / layout.LOCK
    with exclusive(in_state), exclusive(in_mirror):
        done = roll_back(site.settings, old.digest.hex, "", TURN)

    assert done.published


def test_what_is_quarantined_today_stays_so_and_old_proofs_count_again(site: Site) -> None:
    site.publish("one")
    with writing(site.settings) as desk:
        content = desk.mirror.current()[1]
        proved = republish(desk.mirror, content, Evidence((PROOF,)), site.settings.modes)
    site.publish("two")
    quarantine(site.settings, "https://h.example/two.pth", "bad", TURN)

    done = roll_back(site.settings, proved.digest.hex, "", TURN)

    assert done.published
    known = site.open().evidence(done.published.publication)
    assert known.proofs == (PROOF,)
    assert [one.reason for one in known.quarantine] == ["bad"]


def test_to_go_back_to_what_readers_see_only_holds(site: Site) -> None:
    now = site.publish("one")

    done = roll_back(site.settings, now.digest.hex, "", TURN)

    assert done.published is None
    assert WriterFile.read(site.root).held
    assert len(site.kept()) == 1


def test_a_publication_that_lacks_a_blob_is_not_gone_back_to(site: Site) -> None:
    old = site.publish("one")
    new = site.publish("two")
    site.open().blobs.path(Digest.of(b"one")).unlink()

    with pytest.raises(VerificationError, match="nothing was rolled back"):
        roll_back(site.settings, old.digest.hex, "", TURN)

    assert site.current() == new.digest
    assert WriterFile.read(site.root).held is None


def test_a_publication_that_is_not_there_is_named(site: Site) -> None:
    site.publish("one")

    with pytest.raises(NotFoundError, match="no publication"):
        roll_back(site.settings, "0" * 64, "", TURN)


def test_a_damaged_current_publication_can_be_left_by_going_back(site: Site) -> None:
    old = site.publish("one")
    new = site.publish("two")
    (site.root / layout.publication(new.digest)).write_bytes(b"{}")

    done = roll_back(site.settings, old.digest.hex, "", TURN)

    assert done.published
    assert site.current() == done.published.digest
    assert site.open().serving().is_current


def test_a_retired_publication_can_be_gone_back_to(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    site.prune()

    assert roll_back(site.settings, old.digest.hex, "", TURN).published
    site.prune(days=20)

    assert site.has("one")
    site.check()


def test_a_release_without_a_hold_changes_nothing(site: Site) -> None:
    site.publish("one")

    assert release(site.settings, TURN) is None


def test_both_are_written_down(site: Site) -> None:
    old = site.publish("one")
    new = site.publish("two")

    turn = replace(TURN, verb="rollback")
    roll_back(site.settings, old.digest.hex, "worse", turn)
    release(site.settings, TURN)

    back, let = site.audit()
    assert (back["verb"], back["before"], back["reason"]) == ("rollback", new.digest.hex, "worse")
    assert back["to"] == old.digest.hex
    assert let["verb"] == "release"
    assert let["before"] == let["after"] == back["after"]


def test_a_hold_keeps_no_quarantine_out(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")
    roll_back(site.settings, old.digest.hex, "", TURN)

    made = quarantine(site.settings, "https://h.example/one.pth", "bad", TURN)

    known = site.open().evidence(site.open().current()[1])
    assert known.quarantine == (Quarantined(Digest.of(b"one"), "bad", made.at),)
