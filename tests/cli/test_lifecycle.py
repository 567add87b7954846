"""What an admin is told by the commands that keep, mark and take away."""

from __future__ import annotations

import io
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hubmirror.errors import ExitCode
from tests.cli.shell import Shell
from tests.upstream import Upstream


@pytest.fixture
def twice(shell: Shell, upstream: Upstream) -> Shell:
    """A mirror with two publications: of one file, then of another."""
    for name in ("one", "two"):
        url = upstream.put(f"/{name}.pth", name.encode())
        assert shell("sync", shell.writer.manifest(checkpoints=[{"url": url}])).code == 0
    return shell


def audit(shell: Shell) -> list[Any]:
    text = (shell.writer.folder / "state" / "audit.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_no_longer_wanted_is_named_by_the_sync_that_drops_it(
    shell: Shell, upstream: Upstream
) -> None:
    one, two = (upstream.put(f"/{name}.pth", name.encode()) for name in ("one", "two"))
    shell("sync", shell.writer.manifest(checkpoints=[{"url": one}, {"url": two}]))
    manifest = shell.writer.manifest(checkpoints=[{"url": two}])

    said = shell("sync", manifest)

    assert f"no longer wanted: {one} (source team)\n" in said.err
    assert "`hubmirror prune` removes its bytes" in said.err
    assert "no longer wanted" not in shell("sync", manifest).err


def test_a_plan_says_of_each_publication_what_becomes_of_it_and_why(twice: Shell) -> None:
    said = twice("prune", "--dry-run", "--keep-publications", "1")

    new, old = twice.digests()
    assert said.out.splitlines()[:2][0] == f"keep: sequence 2 ({new[:12]}): current"
    assert said.out.splitlines()[1].startswith(
        f"retire: sequence 1 ({old[:12]}): readers may go on until "
    )
    assert twice.digests() == [new, old]


def test_without_a_terminal_nothing_goes_until_somebody_says_yes(twice: Shell) -> None:
    words = ("prune", "--keep-publications", "1", "--reader-grace", "0")

    refused = twice(*words)
    done = twice(*words, "--yes")

    assert refused.code == ExitCode.REFUSED
    assert "remove: sequence 1 (" in refused.out
    assert "nothing was removed: nobody agreed to it\n  to do it: --yes\n" in refused.err
    assert done.code == 0
    assert "removed: sequence 1 (" in done.out
    assert len(twice.digests()) == 1


@pytest.mark.parametrize(("answer", "left"), [("y\n", 1), ("\n", 2), ("", 2)])
def test_at_a_terminal_it_asks(
    twice: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)

    said = twice("prune", "--keep-publications", "1", "--reader-grace", "0")

    assert "go on? [y/N]" in said.err
    assert len(twice.digests()) == left


def test_a_refused_prune_is_still_one_document(twice: Shell) -> None:
    found = twice.document("prune", "--keep-publications", "1", code=ExitCode.REFUSED)

    assert found["done"] is False
    assert [one["fate"] for one in found["publications"]] == ["keep", "retire"]


def test_a_prune_with_nothing_to_do_asks_nobody(twice: Shell) -> None:
    assert twice("prune").code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--keep-publications", "0"), "expected a number from 1 on, got '0'"),
        (("--keep-days", "x"), "expected a number of days, got 'x'"),
        (("--reader-grace", "soon"), "expected a time such as"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(
    twice: Shell, words: tuple[str, ...], expected: str
) -> None:
    said = twice("prune", *words)

    assert said.code == ExitCode.INVALID
    assert expected in said.err


def test_a_rollback_is_seen_in_history_status_and_sync(twice: Shell) -> None:
    new, old = twice.digests()

    back = twice("rollback", old[:12], "--reason", "worse")
    told = twice.document("history")
    synced = twice("sync", "team.yaml")

    assert f"the content of sequence 1 ({old[:12]}) again" in back.out
    assert "publishing is on hold until `hubmirror release`" in back.out
    assert (told["held"], told["held_reason"]) == (True, "worse")
    flags = [(one["current"], one["rolled_back"]) for one in told["publications"]]
    assert flags == [(True, False), (False, True), (False, False)]
    assert "publishing is on hold since " in twice("history").out
    assert synced.code == ExitCode.REFUSED
    assert twice.document("status")["held"] is True
    assert "rolled back" in twice("history").out
    assert new in twice.digests()


def test_after_a_release_the_next_sync_publishes_again(twice: Shell) -> None:
    twice("rollback", twice.digests()[1])

    assert twice("release").out == "publishing goes on: the next sync publishes what it finds\n"
    assert twice("release").out == "nothing to do: publishing is not on hold\n"
    assert twice("sync", "team.yaml").code == 0
    assert len(twice.digests()) == 4


def test_a_difference_is_told_in_a_line_for_each_thing(twice: Shell, upstream: Upstream) -> None:
    one, two = upstream.url("/one.pth"), upstream.url("/two.pth")
    new, old = twice.digests()

    forward, back = twice("diff").out, twice("diff", new, old).out

    assert sorted(forward.splitlines()) == [f"+ {two} (source team)", f"- {one} (source team)"]
    assert sorted(back.splitlines()) == [f"+ {one} (source team)", f"- {two} (source team)"]
    assert twice("diff", new, new).out == "no difference in content\n"


def test_pins_are_made_listed_and_let_go(twice: Shell) -> None:
    _, old = twice.digests()

    made = twice("pin", old[:12], "--reason", "paper")
    listed = twice("pin", "--list")
    told = twice("history")
    gone = twice("pin", old, "--remove")

    assert made.out == f"pinned: {old}, publication {old[:12]}\n"
    assert listed.out.splitlines()[1].split()[1] == old[:12]
    assert f"pinned for {old}" in told.out
    assert gone.out == f"let go: {old}, publication {old[:12]}\n"
    assert twice("pin").out == "nothing is pinned\n"


def test_a_quarantine_is_listed_and_shown_where_readers_look(
    twice: Shell, upstream: Upstream
) -> None:
    url = upstream.url("/two.pth")

    twice("quarantine", url, "--reason", "withdrawn")

    assert "withdrawn" in twice("quarantine").out
    assert f"quarantined: {url}: withdrawn (sha256 " in twice("list").out
    (unit,) = twice.document("list")["units"]
    assert [row["reason"] for row in unit["quarantined"]] == ["withdrawn"]
    assert "may be loaded again" in twice("quarantine", url, "--release").out
    assert twice("quarantine").out == "nothing is quarantined\n"


def test_a_quarantine_needs_a_reason(twice: Shell, upstream: Upstream) -> None:
    said = twice("quarantine", upstream.url("/two.pth"))

    assert said.code == ExitCode.USAGE
    assert "--reason is missing" in said.err


def test_a_source_is_listed_and_taken_out(twice: Shell) -> None:
    assert twice.document("source", "list") == {"sources": [{"name": "team", "units": 1}]}

    gone = twice("source", "rm", "team")

    assert "without team\n" in gone.out
    assert twice("source", "list").out == "the mirror has no source\n"
    assert twice("source", "rm", "team").code == ExitCode.NOT_FOUND
    assert twice("source", "rm").code == ExitCode.USAGE
    assert twice("source", "list", "team").code == ExitCode.USAGE


def test_every_change_is_written_down(twice: Shell, upstream: Upstream) -> None:
    old = twice.digests()[1]
    url = upstream.url("/two.pth")
    twice("quarantine", url, "--reason", "withdrawn")
    twice("quarantine", url, "--release")
    twice("pin", old)
    twice("pin", old, "--remove")
    twice("rollback", old)
    twice("release")
    twice("source", "rm", "team")
    twice("prune", "--keep-publications", "1", "--yes")

    lines = audit(twice)

    assert [line["verb"] for line in lines] == [
        *("sync", "sync", "quarantine", "quarantine release", "pin", "pin remove"),
        *("rollback", "release", "source rm", "prune"),
    ]
    assert all(one["after"] == other["before"] for one, other in pairwise(lines))


def test_another_host_is_told_how_to_take_over(twice: Shell) -> None:
    path: Path = twice.writer.root / "writer.json"
    fields = json.loads(path.read_text())
    fields["host"] = {"id": "0" * 32, "name": "elsewhere"}
    path.write_text(json.dumps(fields))

    refused, taken = twice("sync", "team.yaml"), twice("sync", "team.yaml", "--take-over")

    assert refused.code == ExitCode.REFUSED
    assert "written by host elsewhere" in refused.err
    assert "--take-over" in refused.err
    assert taken.code == 0
    assert twice("sync", "team.yaml").code == 0
