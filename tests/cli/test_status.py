"""``hubmirror status``: what a monitor is told, on the writer's host and on any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from tests.cli.shell import Shell
from tests.upstream import Upstream, hubs
from tests.upstream.faults import Status
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


def test_how_the_last_sync_ended_is_said_although_it_was_no_success(
    synced: Shell, upstream: Upstream
) -> None:
    succeeded_at(synced, "2001-01-01T00:00:00+00:00")
    manifest = synced.writer.manifest(
        [], checkpoints=[{"url": upstream.url("/gone.pth")}], name="b"
    )
    synced("sync", manifest)

    found = synced.document("status", code=ExitCode.INCOMPLETE)

    assert found["last_exit_code"] == ExitCode.INCOMPLETE
    assert found["last_attempt_at"] > found["last_success_at"]
    assert found["units"][0]["since"] == found["last_attempt_at"]


def test_what_a_check_of_urls_found_is_said_after_the_next_ordinary_sync(
    synced: Shell, upstream: Upstream
) -> None:
    url = upstream.put("/w.pth", b"weights")
    manifest = synced.writer.manifest([], checkpoints=[{"url": url}], name="loose")
    synced("sync", manifest)
    upstream.put("/w.pth", b"weights", fault=Status(404))

    checked = synced("sync", manifest, "--check-urls")
    between = synced("sync", manifest)

    assert (checked.code, between.code) == (ExitCode.REFUSED, ExitCode.OK)
    (finding,) = synced.document("status")["findings"]
    assert (finding["kind"], finding["policy"], finding["unit"]) == ("gone_url", "hold", url)
    assert "1 URL asked again" in checked.err
    assert f"gone_url (hold) since {finding['since']}: {url}" in synced("status").out


def test_urls_are_not_checked_where_the_lock_alone_decides(synced: Shell) -> None:
    said = synced("sync", "team.yaml", "--check-urls", "--locked")

    assert said.code == ExitCode.USAGE


def test_entrypoints_that_nobody_tried_are_unproved(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    call = f"{hub.entrypoints[0].name}()"
    shell("sync", shell.writer.manifest([wanted(hub, refs=["v1.0"], entrypoints=[call])]))

    found = shell.document("status")

    assert found["proofs"] == {"proved": 0, "failed": 0, "unproved": 1}


def test_metrics_are_written_where_a_collector_looks(synced: Shell, tmp_path: Path) -> None:
    path = tmp_path / "hubmirror.prom"

    said = synced("status", "--metrics", path)

    assert said.code == ExitCode.OK
    assert "hubmirror_publication_sequence{" in path.read_text()


def test_metrics_without_a_folder_for_them_are_an_error(synced: Shell, tmp_path: Path) -> None:
    said = synced("status", "--metrics", tmp_path / "nowhere" / "hubmirror.prom")

    assert said.code == ExitCode.STORAGE
