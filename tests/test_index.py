"""The writer's index on a real SQLite file: what goes in comes out; damage loses no history."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.errors import FormatError
from hubmirror.index import Arrival, Index
from hubmirror.records import (
    Contents,
    Digest,
    Holdings,
    RepoKey,
    Source,
    Unit,
    UnitState,
    WeightsKind,
)
from tests.samples import checkpoint, holdings, repo, snapshot, unit

PUBLICATION = Digest.of(b"a publication")
LOOSE = unit(
    name="https://h.example/loose.pth",
    repo=None,
    checkpoints=(
        checkpoint("https://h.example/loose.pth", b"more weights", "https://c.example/x"),
    ),
    wanted=(),
)
BROKEN = unit(
    source="other",
    name="acme/broken",
    state=UnitState.INCOMPLETE,
    reason="no hubconf.py; 'quotes' and \u00fcnicode",
    repo=repo("acme/broken", refs=(), snapshots=(), aliases=(), default_branch=""),
    checkpoints=(),
)
ARRIVAL = Arrival("https://h.example/w.pth", Digest.of(b"w"), 1, "https://c.example/w", '"etag"')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    with Index.open(path) as opened:
        yield opened


def in_order(found: Holdings) -> Holdings:
    return Holdings(found.sources, tuple(sorted(found.units, key=lambda u: (u.source, u.name))))


def test_a_new_index_holds_nothing(index: Index) -> None:
    assert index.holdings() == Holdings()
    assert index.follows() is None
    assert index.arrivals() == {}
    assert index.runs() == ()


def test_what_goes_in_comes_out(index: Index) -> None:
    wanted = in_order(holdings(unit(), LOOSE, BROKEN))

    index.replace_all(wanted, PUBLICATION)

    assert index.holdings() == wanted


def test_what_went_in_is_there_after_the_file_was_closed(path: Path) -> None:
    wanted = in_order(holdings(unit(), LOOSE, BROKEN))
    with Index.open(path) as index:
        index.replace_all(wanted, PUBLICATION)
        index.record_arrivals([ARRIVAL])

    with Index.open(path) as index:
        assert index.holdings() == wanted
        assert index.follows() == PUBLICATION
        assert index.arrivals() == {ARRIVAL.url: ARRIVAL}


def test_filling_it_anew_forgets_what_was_there(index: Index) -> None:
    index.replace_all(holdings(unit(), LOOSE, BROKEN), PUBLICATION)

    index.replace_all(holdings(BROKEN), PUBLICATION)

    assert index.holdings() == holdings(BROKEN)


def test_filling_it_from_nothing_follows_nothing(index: Index) -> None:
    index.replace_all(holdings(), PUBLICATION)

    index.replace_all(Holdings(), None)

    assert index.holdings() == Holdings()
    assert index.follows() is None


def test_replacing_a_source_leaves_the_others_alone(index: Index) -> None:
    index.replace_all(holdings(unit(), LOOSE, BROKEN), PUBLICATION)

    index.replace_source(Source("team", "a newer lock"), [LOOSE])

    found = index.holdings()
    assert found.sources == (Source("other", "{}"), Source("team", "a newer lock"))
    assert found.units == (BROKEN, LOOSE)


def test_a_source_may_become_empty(index: Index) -> None:
    index.replace_all(holdings(unit(), BROKEN), PUBLICATION)

    index.replace_source(Source("team", "{}"), [])

    assert index.holdings().units == (BROKEN,)
    assert [source.name for source in index.holdings().sources] == ["other", "team"]


def test_the_rows_of_a_repo_are_replaced_and_not_mixed(index: Index) -> None:
    index.replace_source(Source("team", "{}"), [unit()])
    newer = replace(unit(), repo=repo(refs=repo().refs[:1], snapshots=(snapshot("c" * 40),)))

    index.replace_source(Source("team", "{}"), [newer])

    assert index.holdings().units == (newer,)


def test_two_sources_may_hold_one_repo_and_one_url(index: Index) -> None:
    found: tuple[Unit, ...] = (unit(), replace(unit(), source="zeta"))

    for one in found:
        index.replace_source(Source(one.source, "{}"), [one])

    assert index.holdings().units == found


def test_it_is_ahead_of_what_is_published_until_it_follows_again(index: Index) -> None:
    index.replace_all(holdings(), PUBLICATION)

    index.replace_source(Source("team", "{}"), [unit()])
    between = index.follows()
    index.follow(Digest.of(b"the next one"))

    assert between is None
    assert index.follows() == Digest.of(b"the next one")


def test_a_source_that_cannot_be_stored_changes_nothing(index: Index) -> None:
    index.replace_all(holdings(), PUBLICATION)

    with pytest.raises(Exception, match="UNIQUE"):
        index.replace_source(Source("team", "new"), [unit(), unit()])

    assert index.holdings() == holdings()
    assert index.follows() == PUBLICATION


# --- Arrivals and runs ------------------------------------------------------------------


def test_what_arrived_is_remembered_by_its_url(index: Index) -> None:
    index.record_arrivals([ARRIVAL])

    assert index.arrivals() == {ARRIVAL.url: ARRIVAL}


def test_what_arrives_again_replaces_what_came_before(index: Index) -> None:
    newer = replace(ARRIVAL, digest=Digest.of(b"newer"), size_bytes=5, etag="")
    index.record_arrivals([ARRIVAL])

    index.record_arrivals([newer])

    assert index.arrivals() == {ARRIVAL.url: newer}


def test_arrivals_are_forgotten_together_and_nothing_else_is(index: Index) -> None:
    index.replace_all(holdings(), PUBLICATION)
    index.record_arrivals([ARRIVAL])

    index.forget_arrivals()

    assert index.arrivals() == {}
    assert index.holdings() == holdings()


def test_arrivals_survive_that_the_index_is_filled_anew(index: Index) -> None:
    index.record_arrivals([ARRIVAL])

    index.replace_all(holdings(), PUBLICATION)

    assert index.arrivals() == {ARRIVAL.url: ARRIVAL}


def test_a_run_is_recorded_with_its_outcome(index: Index) -> None:
    with index.run(["one", "two"]) as outcome:
        (running,) = index.runs()
        outcome.append("incomplete")

    (ended,) = index.runs()
    assert (running.ended_at, running.outcome) == ("", "")
    assert (ended.number, ended.sources, ended.outcome) == (1, ("one", "two"), "incomplete")
    assert ended.started_at <= ended.ended_at
    assert ended.ended_at.endswith("+00:00")


def test_a_run_that_raised_is_recorded_too(index: Index) -> None:
    def fail() -> None:
        with index.run(["one"]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    (ended,) = index.runs()
    assert ended.outcome == "failed"
    assert ended.ended_at != ""


def test_runs_are_told_in_order_and_outlive_the_rows(index: Index) -> None:
    for outcome in ("ok", "refused"):
        with index.run(["team"]) as said:
            said.append(outcome)

    index.replace_all(Holdings(), None)

    assert [(run.number, run.outcome) for run in index.runs()] == [(1, "ok"), (2, "refused")]


# --- The file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_file_is_kept_aside_and_a_new_one_made(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)

    with caplog.at_level(logging.WARNING), Index.open(path) as index:
        index.replace_all(holdings(), PUBLICATION)
        assert index.holdings() == holdings()

    (aside,) = path.parent.glob("index.db.damaged-*")
    assert aside.read_bytes() == content
    assert f"damaged, moved to {aside.name}" in caplog.text


def test_an_index_of_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    with Index.open(path) as index:
        index.replace_all(holdings(), PUBLICATION)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("ALTER TABLE source ADD COLUMN newer TEXT")
        connection.commit()
        before = list(connection.iterdump())

    with pytest.raises(FormatError, match="index of schema 99; this version knows 2"):
        Index.open(path)

    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    assert [found.name for found in path.parent.glob("*damaged*")] == []


def test_opening_an_index_again_changes_nothing(path: Path) -> None:
    with Index.open(path) as index:
        index.replace_all(holdings(), PUBLICATION)

    for _ in range(2):
        with Index.open(path) as index:
            assert index.holdings() == holdings()


def test_an_index_of_schema_1_keeps_its_rows_and_history(path: Path) -> None:
    with Index.open(path) as index:
        index.replace_all(holdings(LOOSE), PUBLICATION)
        index.record_arrivals([ARRIVAL])
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE checkpoint DROP COLUMN kind")
        database.execute("ALTER TABLE checkpoint DROP COLUMN globals")
        database.execute("PRAGMA user_version = 1")

    with Index.open(path) as index:
        assert index.holdings() == holdings(LOOSE)
        assert index.arrivals() == {ARRIVAL.url: ARRIVAL}
    with Index.open(path) as again:
        assert again.holdings() == holdings(LOOSE)


def test_what_weights_are_comes_out_as_it_went_in(index: Index) -> None:
    contents = Contents(WeightsKind.NEEDS_GLOBALS, ("argparse.Namespace",))
    row = replace(LOOSE.checkpoints[0], contents=contents)

    index.replace_all(holdings(replace(LOOSE, checkpoints=(row,))), PUBLICATION)

    assert index.holdings().units[0].checkpoints == (row,)


MADE = (RepoKey.parse("acme/nets"), snapshot().commit, "submodules")


def test_a_snapshot_waits_with_its_bytes_until_a_unit_has_it(index: Index) -> None:
    row = snapshot()
    index.record_made({MADE: row})
    index.record_made({MADE: row})
    index.forget_arrivals()

    assert index.made() == {MADE: row}
    assert index.waiting() == {row.digest, row.about}
    index.forget_made([unit(repo=repo("acme/other"))])
    assert index.made() == {MADE: row}
    index.forget_made([unit(repo=repo("acme/nets", snapshots=(row,)))])
    assert index.made() == {}
    assert index.waiting() == frozenset()
