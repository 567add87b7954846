"""``hubmirror status``: what a monitor is told, on the writer's host and on any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from tests.cli.shell import Shell
from tests.upstream import Upstream, hubs
from tests.writer import wanted


@pytest.fixture
def synced(shell: Shell, upstream: Upstream) -> Shell:
    """A mirror with one repo, synced a moment ago."""
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream), refs=["v1.0"])])
    assert shell("sync", manifest).code == ExitCode.OK
    return shell


def succeeded_at(shell: Shell, text: str) -> None:
    (shell.writer.folder / "state" / "last-success").write_text(f"{text}\n")


def test_a_sound_mirror_ends_with_0_and_says_what_it_holds(synced: Shell) -> None:
    found = synced.document("status", "--max-age", "1h")

    assert found["publication"] == synced.digests()[0]
    assert (found["sequence"], found["repos"], found["snapshots"]) == (1, 1, 1)
    assert found["last_success_at"] is not None
    assert (found["too_old"], found["held"], found["units"]) == (False, False, [])
    assert found["free_bytes"] > 0


def test_a_run_with_nothing_to_do_is_a_success_too(synced: Shell) -> None:
    succeeded_at(synced, "2001-01-01T00:00:00+00:00")

    synced("sync", "team.yaml")

    assert synced.document("status", "--max-age", "1h")["too_old"] is False


def test_a_success_that_is_too_long_ago_ends_with_3(synced: Shell) -> None:
    succeeded_at(synced, "2001-01-01T00:00:00+00:00")

    said = synced("status", "--max-age", "7d")

    assert said.code == ExitCode.INCOMPLETE
    assert "days, too old" in said.out


def test_a_unit_that_failed_is_named_with_its_reason(synced: Shell, upstream: Upstream) -> None:
    succeeded_at(synced, "2001-01-01T00:00:00+00:00")
    gone = upstream.url("/gone.pth")
    manifest = synced.writer.manifest([], checkpoints=[{"url": gone}], name="other")
    synced("sync", manifest)

    found = synced.document("status", code=ExitCode.INCOMPLETE)

    (unit,) = found["units"]
    assert (unit["source"], unit["name"], unit["state"]) == ("other", gone, "incomplete")
    assert "404" in unit["reason"]
    assert found["last_success_at"] == "2001-01-01T00:00:00+00:00"


@pytest.mark.parametrize("text", ["", "yesterday", "2001-01-01T00:00:00", "\x00"])
def test_a_time_that_is_none_is_not_believed(synced: Shell, text: str) -> None:
    succeeded_at(synced, text)

    found = synced.document("status")

    assert found["last_success_at"] is None


def test_without_a_state_folder_the_publication_tells_the_age(
    synced: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBMIRROR_STATE", str(tmp_path / "nowhere"))

    found = synced.document("status", "--max-age", "1h")

    assert found["last_success_at"] is None
    assert found["age_s"] < 3600
    assert not (tmp_path / "nowhere").exists()


def test_publishing_on_hold_is_said(synced: Shell) -> None:
    (synced.writer.root / "writer.json").write_text('{"held": true}')

    said = synced("status")

    assert (said.code, "on hold" in said.out) == (ExitCode.OK, True)


@pytest.mark.parametrize("age", ["7", "d", "-1d", "7 days", "1y"])
def test_an_age_that_is_none_is_refused(synced: Shell, age: str) -> None:
    said = synced("status", f"--max-age={age}")

    assert said.code == ExitCode.INVALID
    assert "expected a time such as 90m" in said.err


def test_before_the_first_publication_there_is_nothing_to_say(shell: Shell) -> None:
    assert shell("status").code == ExitCode.NOT_FOUND
