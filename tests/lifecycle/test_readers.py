"""Readers come and go while a mirror is synced, rolled back and pruned: none sees half of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.mirror import Mirror
from hubmirror.verify import verify
from tests.lifecycle.churn import Churn
from tests.lifecycle.crowd import Crowd
from tests.upstream import Upstream
from tests.writer import Writer


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    folder = tmp_path / "host"
    folder.mkdir()
    return Writer(folder)


def test_readers_see_one_whole_publication_while_others_come_and_go(
    writer: Writer, upstream: Upstream
) -> None:
    churn = Churn(writer, upstream)

    with Crowd(writer.root, processes=2, threads=20, life_s=3) as crowd:
        churned = churn.run(seconds=10, grace_s=5)
        seen = crowd.leave()

    assert seen.wrongs == ()
    assert seen.lives >= 40
    assert churned.publications > 0
    assert churned.blobs > 0


def test_without_a_grace_readers_are_robbed_so_the_test_above_can_fail(
    writer: Writer, upstream: Upstream
) -> None:
    churn = Churn(writer, upstream)
    wrongs: list[str] = []

    for _ in range(8):  # until it happens: a machine may be too busy for it in a few seconds
        with Crowd(writer.root, processes=2, threads=20, life_s=3) as crowd:
            churn.run(seconds=6, grace_s=0)
            wrongs += crowd.leave().wrongs
        if wrongs:
            break

    assert any("missing" in wrong for wrong in wrongs), wrongs[:3]


@pytest.mark.long
def test_a_thousand_readers_see_whole_publications_for_two_minutes(
    writer: Writer, upstream: Upstream
) -> None:
    churn = Churn(writer, upstream)

    with Crowd(writer.root, processes=8, threads=125, life_s=19) as crowd:
        churned = churn.run(seconds=120, grace_s=30)
        seen = crowd.leave()

    assert seen.wrongs == ()
    assert seen.lives >= 2000
    assert churned.publications > 0
    assert churned.blobs > 0
    with Mirror.open(writer.root) as mirror:
        assert verify(mirror).faults == ()
