"""kill -9 at every step of a prune, a rollback and a quarantine; the next run finishes the work."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator

import pytest

from hubmirror.lifecycle.marking import pin
from hubmirror.writer_file import WriterFile
from tests.kills import Victims
from tests.lifecycle.site import TURN, Site


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as running:
        yield running


def test_a_prune_killed_at_every_step_loses_nothing_and_ends_as_one_that_was_not(
    site: Site, victims: Victims
) -> None:
    pinned = site.publish("one", "pinned")
    for content in ("two", "three", "four"):
        site.publish(content)
    pin(site.settings, pinned.digest.hex, "", TURN)
    new = site.publish("last")
    command = ["prune", "--keep-publications", "1", "--reader-grace", "0", "--yes"]

    kills = victims.until_done([*command, *site.options()], itertools.count(1), look=site.check)

    assert kills >= 10
    assert sorted(site.kept()) == sorted([pinned.digest, new.digest])
    assert [site.has(name) for name in ("one", "pinned", "last")] == [True, True, True]
    assert [site.has(name) for name in ("two", "three", "four")] == [False, False, False]
    assert WriterFile.read(site.root).retired == {}
    assert site.prune(reader_grace_s=0, days=1).is_empty()


def test_a_rollback_killed_at_every_step_shows_new_or_old(site: Site, victims: Victims) -> None:
    old = site.publish("one")
    new = site.publish("two")
    contents = {one.publication.content_digest for one in (old, new)}
    seen = set()

    def look() -> None:
        site.check()
        seen.add(site.open().current()[1].content_digest)

    command = ["rollback", old.digest.hex, *site.options()]
    kills = victims.until_done(command, itertools.count(1), look=look)

    assert kills >= 10
    assert seen == contents
    assert WriterFile.read(site.root).held


def test_a_rollback_that_readers_see_is_already_held(site: Site, victims: Victims) -> None:
    old = site.publish("one")
    site.publish("two")
    command = ["rollback", old.digest.hex, *site.options()]

    for step in itertools.count(1):
        code = victims.run(command, until=step)
        if site.open().current()[1].content_digest == old.publication.content_digest:
            assert WriterFile.read(site.root).held
            break
        assert code == -signal.SIGKILL


def test_a_quarantine_killed_at_every_step_is_all_there_or_not_at_all(
    site: Site, victims: Victims
) -> None:
    site.publish("one")
    command = ["quarantine", "https://h.example/one.pth", "--reason", "bad", *site.options()]

    kills = victims.until_done(command, itertools.count(1), look=site.check)

    assert kills >= 10
    known = site.open().evidence(site.open().current()[1])
    assert [one.reason for one in known.quarantine] == ["bad"]
