"""``hubmirror rehearse`` as a person meets it; what is proved already costs no load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.proofs import State
from tests.cli.shell import Said, Shell
from tests.rehearsing.conftest import Stage

Command = Callable[..., Said]
DOCUMENT = {
    *("outcome", "exit_code", "publication", "torch", "recorded", "unrecorded", "entrypoints"),
}
ENTRYPOINT = {
    *("source", "repo", "ref", "call", "state", "skipped", "reason", "hint", "result", "relied"),
    *("missed", "output", "protections"),
}


@pytest.fixture
def rehearse(
    performed: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.setenv("HUBMIRROR", str(performed.writer.root))
    monkeypatch.setenv("HUBMIRROR_STATE", str(performed.writer.folder / "state"))
    shell = Shell(performed.writer, capsys)
    return lambda *words: shell("rehearse", *words)


def test_it_says_how_every_entrypoint_of_a_manifest_stands(
    performed: Stage, rehearse: Command
) -> None:
    said = rehearse(performed.manifest)

    assert said.code == ExitCode.OK
    assert said.out == "proved: acme/nested:main outer()\n1 entrypoint: 1 proved\n"
    assert said.err == ""


def test_it_has_the_documented_keys(performed: Stage, rehearse: Command) -> None:
    found = rehearse(performed.manifest, "--json").document

    assert set(found) == DOCUMENT
    (entrypoint,) = found["entrypoints"]
    assert set(entrypoint) == ENTRYPOINT
    assert (entrypoint["state"], entrypoint["skipped"]) == ("proved", True)


def test_what_is_not_proved_is_an_incomplete_rehearsal(performed: Stage) -> None:
    assert performed.report.exit_code() is ExitCode.INCOMPLETE
    assert [performed.report.count(state) for state in State] == [2, 3, 1]


def test_other_commands_say_how_entrypoints_stand(
    performed: Stage, rehearse: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(performed.writer, capsys)

    assert shell.document("status")["proofs"] == {"proved": 2, "failed": 3, "unproved": 1}
    assert "entrypoints:  2 proved, 3 failed, 1 unproved" in shell("status").out
    shown = shell("show", "acme/troupe").out
    assert "acme/troupe:main fails(): it asked for what is not mirrored\n" in shown
    (listed,) = [line.split() for line in shell("list").out.splitlines() if "troupe" in line]
    assert "1/5" in listed


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("version: 1\nrepos: []\n", "x"),
        ("version: 1\nname: vision  # ours\nrepos: []\n", "vision"),
        ("name: 'vision'\nrepos:\n  - {repo: a/b, name: no}\n", "vision"),
        ('{"version": 1, "name": "vision", "repos": []}', "vision"),
    ],
)
def test_a_manifest_means_its_source(
    rehearse: Command, tmp_path: Path, text: str, name: str
) -> None:
    manifest = tmp_path / "x.yaml"
    manifest.write_text(text)

    said = rehearse(manifest)

    assert said.code == ExitCode.NOT_FOUND
    assert f"no source {name!r} is published" in said.err


def test_jobs_are_a_number(rehearse: Command) -> None:
    assert rehearse("--jobs", "0").code == ExitCode.USAGE
