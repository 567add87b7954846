"""A source leaves by ``source rm``, and by nothing else."""

from __future__ import annotations

import pytest

from hubmirror.errors import LockedError, NotFoundError, RefusedError
from hubmirror.files import exclusive
from hubmirror.lifecycle.going_back import roll_back
from hubmirror.lifecycle.sources import remove_sources
from hubmirror.publish import publish
from hubmirror.writer import writing
from tests.lifecycle.site import TURN, Site, weights
from tests.samples import MODES, holdings


def two_sources(site: Site) -> None:
    for content in (b"one", b"two"):
        site.put(content)
    with writing(site.settings) as desk:
        publish(desk.mirror, holdings(weights("one", "a"), weights("two", "b")), MODES)


def test_the_rest_is_published_without_it(site: Site) -> None:
    two_sources(site)

    remove_sources(site.settings, ["a"], TURN)

    with site.open() as mirror:
        left = mirror.catalog().holdings()
    assert [source.name for source in left.sources] == ["b"]
    assert [unit.source for unit in left.units] == ["b"]
    assert site.audit()[-1]["sources"] == "a"


def test_its_bytes_go_with_a_later_prune(site: Site) -> None:
    two_sources(site)
    remove_sources(site.settings, ["a"], TURN)

    site.prune(reader_grace_s=0, days=1)

    assert (site.has("one"), site.has("two")) == (False, True)


def test_an_unknown_source_is_named_with_those_that_there_are(site: Site) -> None:
    two_sources(site)

    with pytest.raises(NotFoundError, match="no source 'c'") as caught:
        remove_sources(site.settings, ["a", "c"], TURN)

    assert caught.value.hint == "there are: a, b"
    assert len(site.kept()) == 1


def test_none_leaves_while_a_sync_is_at_work_or_publishing_is_on_hold(site: Site) -> None:
    two_sources(site)

    with exclusive(site.folder / "state" / "run.lock"), pytest.raises(LockedError):
        remove_sources(site.settings, ["a"], TURN)
    roll_back(site.settings, site.current().hex, "", TURN)
    with pytest.raises(RefusedError, match="on hold"):
        remove_sources(site.settings, ["a"], TURN)
