"""Pins and the quarantine: published, carried on, and changed beside a long sync."""

from __future__ import annotations

import pytest

from hubmirror import layout
from hubmirror.errors import NotFoundError, VerificationError
from hubmirror.evidence import Evidence, Quarantined
from hubmirror.files import exclusive
from hubmirror.lifecycle.going_back import roll_back
from hubmirror.lifecycle.marking import let_out, pin, quarantine, unpin
from hubmirror.publish import publish
from hubmirror.records import Digest
from hubmirror.writer import writing
from tests import samples
from tests.lifecycle.site import TURN, Site, weights

URL = "https://h.example/one.pth"


def pinned(site: Site) -> list[Digest]:
    with site.open() as mirror:
        return [one.publication for one in mirror.evidence(mirror.current()[1]).pins]


def quarantined(site: Site) -> list[Digest]:
    with site.open() as mirror:
        return [one.digest for one in mirror.evidence(mirror.current()[1]).quarantine]


def test_a_publication_is_pinned_by_the_first_digits_of_its_digest(site: Site) -> None:
    old = site.publish("one")
    site.publish("two")

    made = pin(site.settings, old.digest.hex[:10], "paper", TURN)

    assert (made.publication, made.reason) == (old.digest, "paper")
    assert pinned(site) == [old.digest]


def test_a_repo_pins_the_publication_that_holds_it_now(site: Site) -> None:
    for content in samples.CONTENTS:
        site.put(content)
    with writing(site.settings) as desk:
        now = publish(desk.mirror, samples.holdings(), samples.MODES)
    assert now

    made = pin(site.settings, "pytorch/vision:v0.10.0", "", TURN)

    assert (made.spec, made.publication) == ("pytorch/vision:v0.10.0", now.digest)


def test_the_same_pin_twice_publishes_nothing_new(site: Site) -> None:
    now = site.publish("one")
    for _ in range(2):
        pin(site.settings, now.digest.hex, "", TURN)

    assert len(site.kept()) == 2


def test_a_pin_is_let_go_by_what_it_was_pinned_for_or_by_its_publication(site: Site) -> None:
    now = site.publish("one")
    for name in (now.digest.hex, now.digest.hex[:8]):
        pin(site.settings, now.digest.hex, "", TURN)

        (gone,) = unpin(site.settings, name, TURN)

        assert gone.publication == now.digest
        assert pinned(site) == []


def test_what_is_not_pinned_cannot_be_let_go(site: Site) -> None:
    site.publish("one")

    with pytest.raises(NotFoundError, match="nothing is pinned as a/b"):
        unpin(site.settings, "a/b", TURN)


def test_a_url_or_digest_is_quarantined_and_let_out(site: Site) -> None:
    site.publish("one")
    for target in (URL, Digest.of(b"one").hex):
        quarantine(site.settings, target, "bad", TURN)
        assert quarantined(site) == [Digest.of(b"one")]

        let_out(site.settings, target, TURN)
        assert quarantined(site) == []


def test_marks_go_on_in_what_is_published_later(site: Site) -> None:
    now = site.publish("one")
    quarantine(site.settings, URL, "bad", TURN)
    pin(site.settings, now.digest.hex, "", TURN)

    site.publish("one", "two")

    assert quarantined(site) == [Digest.of(b"one")]
    assert pinned(site) == [now.digest]


def test_a_newer_reason_takes_the_place_of_the_older(site: Site) -> None:
    site.publish("one")
    quarantine(site.settings, URL, "maybe bad", TURN)
    quarantine(site.settings, URL, "bad", TURN)

    known = site.open().evidence(site.open().current()[1])

    assert [one.reason for one in known.quarantine] == ["bad"]


def test_a_quarantine_waits_for_no_run(site: Site) -> None:
    site.publish("one")

    with exclusive(site.folder / "state" / "run.lock"):
        quarantine(site.settings, URL, "bad", TURN)

    assert quarantined(site) == [Digest.of(b"one")]


def test_what_the_mirror_does_not_hold_is_named(site: Site) -> None:
    site.publish("one")

    with pytest.raises(NotFoundError, match="not mirrored"):
        quarantine(site.settings, "acme/none", "bad", TURN)
    with pytest.raises(NotFoundError, match="is not quarantined"):
        let_out(site.settings, URL, TURN)


def test_a_damaged_publication_cannot_be_marked(site: Site) -> None:
    site.publish("one")
    new = site.publish("two")
    (site.root / layout.publication(new.digest)).write_bytes(b"{}")

    with pytest.raises(VerificationError, match="is damaged, so it cannot be marked"):
        quarantine(site.settings, URL, "bad", TURN)


def test_marks_are_written_down_without_addresses(site: Site) -> None:
    site.publish("one")

    quarantine(site.settings, URL, "bad", TURN)

    (line,) = site.audit()
    assert (line["blob"], line["reason"]) == (Digest.of(b"one").hex, "bad")
    assert "h.example" not in str(line)


def test_a_job_held_to_an_older_publication_hears_of_the_quarantine(site: Site) -> None:
    old = site.publish("one")
    quarantine(site.settings, URL, "bad", TURN)

    with site.open() as mirror:
        found = mirror.quarantine(mirror.serving(old.digest))

    assert [row.reason for row in found.among(weights("one").blobs())] == ["bad"]


def test_what_is_known_may_be_published_on_hold_and_other_content_may_not(site: Site) -> None:
    site.publish("one")
    roll_back(site.settings, site.current().hex, "", TURN)
    marks = Evidence(quarantine=(Quarantined(Digest.of(b"one"), "bad", "now"),))

    with writing(site.settings) as desk:
        wanted = desk.mirror.catalog().holdings()
        published = publish(desk.mirror, wanted, site.settings.modes, marks)

    assert published
    assert quarantined(site) == [Digest.of(b"one")]
