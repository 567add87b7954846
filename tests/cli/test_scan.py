"""``hubmirror scan`` and ``add``, from a host, from a mirror and from a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from hubmirror.manifest.reading import parse_manifest, read_manifest
from tests.cli.shell import Shell
from tests.upstream import Upstream, hubs
from tests.writer import wanted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub repo on disk."""
    repo = tmp_path / "my-hub"
    repo.mkdir()
    (repo / "hubconf.py").write_text(
        '"""Nets."""\nimport torch\ndependencies = ["torch"]\n'
        "def tiny(pretrained=False):\n"
        '    """Make a tiny net."""\n'
        "    torch.hub.load('other/repo', 'x')\n"
        "    torch.hub.load_state_dict_from_url('https://host.example/tiny.pth')\n",
        encoding="utf-8",
    )
    return repo


def test_a_folder_is_read_in_place_and_shown_as_tables(shell: Shell, folder: Path) -> None:
    said = shell("scan", folder)

    assert said.code == 0, said.err
    assert "  tiny(pretrained=False)  hubconf.py:4\n      Make a tiny net.\n" in said.out
    rows = [line.split() for line in said.out.splitlines()]
    assert ["certain", "https://host.example/tiny.pth", "hubconf.py:7", "tiny"] in rows
    assert ["certain", "other/repo", "hubconf.py:6", "tiny"] in rows


def test_what_is_printed_as_a_manifest_is_one(shell: Shell, folder: Path) -> None:
    said = shell("scan", folder, "--manifest")

    repo, nested = parse_manifest(said.out, file="manifest.yaml").repos
    assert repo.title == "OWNER/my-hub"
    assert [one.call for one in repo.entrypoints] == ["tiny(pretrained=True)"]
    assert [one.url for one in repo.checkpoints] == ["https://host.example/tiny.pth"]
    assert nested.title == "other/repo"


def test_a_manifest_and_a_document_exclude_each_other(shell: Shell, folder: Path) -> None:
    assert shell("scan", folder, "--manifest", "--json").code == 2


def test_a_repo_is_fetched_and_nothing_of_it_stays(
    shell: Shell, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = hubs.hashed_names(upstream)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    document = shell.document("scan", hub.name, "--url", hub.url)

    urls = {one["subject"] for one in document["findings"] if one["kind"] == "url"}
    assert {weights.url for weights in hub.weights} <= urls
    assert document["commit"] == hub.commit
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_mirrored_repo_is_read_without_its_host(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    shell("sync", shell.writer.manifest([wanted(hub)]))
    upstream.close()

    document = shell.document("scan", hub.name, "--mirror", shell.writer.root)

    assert document["commit"] == hub.commit
    assert [one["kind"] for one in document["findings"]].count("url") == len(hub.weights)


def test_a_ref_that_is_not_there_is_told_with_those_that_are(
    shell: Shell, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)

    said = shell("scan", f"{hub.name}:v9.9", "--url", hub.url)

    assert said.code == 69
    assert "no branch or tag is called 'v9.9'" in said.err


def test_what_is_added_syncs_and_adding_again_changes_nothing(
    shell: Shell, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.folder / "team.yaml"
    words = ("add", f"{hub.name}:v1.0", "--url", hub.url, "--to", manifest)

    first = shell(*words)
    text = manifest.read_text(encoding="utf-8")
    second = shell(*words)

    assert first.code == second.code == 0
    assert first.out.endswith(f"added for {hub.name}\n")
    assert second.out == f"{manifest}: has all of it; nothing was changed\n"
    assert manifest.read_text(encoding="utf-8") == text
    assert shell("sync", manifest).code == 0
    assert {row.url for row in shell.writer.unit(hub.name).checkpoints} >= {
        one.url for one in hub.weights
    }


def test_a_named_entrypoint_is_what_must_load(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.folder / "team.yaml"
    name = hub.entrypoints[0].name

    shell("add", hub.name, name, "--url", hub.url, "--to", manifest)

    (repo,) = read_manifest(manifest).repos
    assert [one.name for one in repo.entrypoints] == [name]


def test_a_dry_run_shows_the_lines_and_writes_nothing(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.folder / "team.yaml"

    said = shell("add", hub.name, "--url", hub.url, "--to", manifest, "--dry-run")

    assert f"+  - repo: {hub.name}\n" in said.out
    assert not manifest.exists()


def test_an_entrypoint_that_the_repo_has_not_is_refused(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.folder / "team.yaml"

    said = shell("add", hub.name, "nonsense", "--url", hub.url, "--to", manifest)

    assert said.code == 65
    assert "has no entrypoint 'nonsense'" in said.err
    assert not manifest.exists()
