"""``hubmirror manifest check`` and ``schema``: for editors and CI, without a network."""

from __future__ import annotations

from pathlib import Path

import hubmirror.manifest
from hubmirror.errors import ExitCode
from tests.cli.shell import Shell

GOOD = """
version: 1
repos:
  - repo: pytorch/vision
    checkpoints:
      - url: https://h.example/one.pth
checkpoints:
  - url: https://h.example/two.pth
"""
BAD = "version: 1\nrepos:\n  - repo: pytorch\n    ref: [x]\n"


def test_a_good_manifest_is_summed_up_in_one_line(shell: Shell, tmp_path: Path) -> None:
    Path("team.yaml").write_text(GOOD)

    said = shell("manifest", "check", "team.yaml")

    assert (said.code, said.err) == (ExitCode.OK, "")
    assert said.out == "team.yaml: no faults; source 'team': 1 repo, 2 checkpoints\n"


def test_every_fault_has_a_line_that_editors_can_jump_to(shell: Shell) -> None:
    Path("bad.yaml").write_text(BAD)

    said = shell("manifest", "check", "bad.yaml")

    assert (said.code, said.out) == (ExitCode.INVALID, "")
    assert said.err.splitlines() == [
        "hubmirror: bad.yaml: not a valid manifest, 2 faults:",
        "bad.yaml:3:11: repo: not a repo name: expected owner/name, got 'pytorch'",
        "bad.yaml:4:5: unknown key 'ref'; did you mean 'refs'?",
    ]


def test_a_folder_stands_for_the_manifests_in_it(shell: Shell) -> None:
    Path("manifests.d").mkdir()
    for name in ("a", "b"):
        Path(f"manifests.d/{name}.yaml").write_text(GOOD)

    found = shell.document("manifest", "check", "manifests.d")

    assert [one["file"] for one in found["manifests"]] == [
        "manifests.d/a.yaml",
        "manifests.d/b.yaml",
    ]


def test_check_has_the_documented_keys(shell: Shell) -> None:
    Path("team.yaml").write_text(GOOD)

    found = shell.document("manifest", "check", "team.yaml")

    assert found == {
        "manifests": [{"file": "team.yaml", "name": "team", "repos": 1, "checkpoints": 2}]
    }


def test_a_manifest_that_is_not_there_is_faulty_input(shell: Shell) -> None:
    said = shell("manifest", "check", "nowhere.yaml")

    assert (said.code, said.err) == (ExitCode.INVALID, "hubmirror: nowhere.yaml: no such file\n")


def test_two_manifests_with_one_source_name_are_a_fault(shell: Shell) -> None:
    Path("other").mkdir()
    Path("team.yaml").write_text(GOOD)
    Path("other/team.yaml").write_text(GOOD)

    said = shell("manifest", "check", "team.yaml", "other/team.yaml")

    assert said.code == ExitCode.INVALID
    assert "the source name 'team' is taken by team.yaml" in said.err


def test_the_schema_is_the_one_that_is_shipped(shell: Shell) -> None:
    shipped = Path(hubmirror.manifest.__file__).with_name("manifest.schema.json")

    said = shell("manifest", "schema")

    assert (said.code, said.out) == (ExitCode.OK, shipped.read_text(encoding="utf-8"))
