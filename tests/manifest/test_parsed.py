"""What was parsed once is read again: the same manifest, or, of anything odd, nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.manifest import parsed, reading
from hubmirror.manifest.parsed import ManifestReader
from hubmirror.manifest.reading import read_manifest
from hubmirror.specs import CheckpointSpec, Manifest, RepoSpec, SyncSettings

NOW = 1_800_000_000.0
DAY_S = 24 * 3600
WHOLE = f"""
version: 1
name: vision-team
repos:
  - repo: Vision-Team/models
    url: git@git.example:vision-team/models.git
    refs: [v0.10.0, "v0.1?.*"]
    aliases: [vision-team/old]
    entrypoints: [resnet18(pretrained=True), {{name: alexnet, args: [3]}}]
    submodules: true
    lfs: fail
    max_size: 2GB
    allow_unreachable: true
    on_moved_tag: follow
    on_moved_branch: hold
    on_gone_repo: follow
    checkpoints:
      - {{url: https://h.example/a.pth, sha256: {"a" * 64}, urls: [https://o.example/a.pth]}}
      - {{url: https://h.example/b.pth, sha256: "bbbbbbbb", fetch_url: "${{MODEL_URL}}"}}
checkpoints:
  - url: https://h.example/\u00fcber.pth
    on_changed_url: hold
    on_gone_url: follow
settings: {{jobs: 4, connections_per_host: 2, limit_rate: 50MB/s, max_size: 20GB}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


def replace_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let parsing give a manifest that says so."""

    def parse(content: bytes, *, file: str) -> Manifest:
        return Manifest("parsed", file)

    monkeypatch.setattr(reading, "parse_content", parse)


def keep(path: Path, folder: Path, now: float = NOW) -> Path:
    """Let a run read a manifest and keep it; return the file that it is kept in."""
    reader = ManifestReader(folder)
    reader.read(path)
    reader.keep(folder, now)
    (kept,) = folder.iterdir()
    return kept


def test_what_was_kept_is_what_was_parsed(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = read_manifest(path)
    keep(path, folder)
    replace_parser(monkeypatch)

    found = ManifestReader(folder).read(path)

    assert found == wanted


def test_the_manifest_above_has_a_value_for_every_field(path: Path) -> None:
    manifest = read_manifest(path)
    checkpoints = [*manifest.repos[0].checkpoints, *manifest.checkpoints]
    records: dict[type[Any], list[Any]] = {  # our dataclasses
        Manifest: [manifest],
        RepoSpec: [*manifest.repos],
        CheckpointSpec: checkpoints,
        SyncSettings: [manifest.settings],
    }

    for kind, found in records.items():
        for field in dataclasses.fields(kind):
            assert any(getattr(one, field.name) != field.default for one in found), field.name


@pytest.mark.parametrize("secret", ["https://h.example/s3cret/b", "${HOST}/s3cret/b"])
def test_a_manifest_with_more_than_names_in_a_fetch_url_is_not_kept(
    path: Path, folder: Path, secret: str
) -> None:
    path.write_text(WHOLE.replace("${MODEL_URL}", secret), encoding="utf-8")
    reader = ManifestReader(folder)

    manifest = reader.read(path)
    reader.keep(folder, NOW)

    assert manifest.repos[0].checkpoints[1].fetch_url == secret
    assert list(folder.iterdir()) == []


def test_another_byte_is_another_manifest(path: Path, folder: Path) -> None:
    keep(path, folder)
    path.write_text(WHOLE.replace("jobs: 4", "jobs: 5"), encoding="utf-8")

    found = ManifestReader(folder).read(path)

    assert found.settings.jobs == 5


def test_the_name_of_the_file_counts_for_it_may_name_the_source(path: Path, folder: Path) -> None:
    path.write_text("version: 1\nrepos: [{repo: a/b}]")
    keep(path, folder)

    found = ManifestReader(folder).read(path.rename(path.with_name("other.yaml")))

    assert found.name == "other"


def test_the_same_file_may_be_named_in_another_way(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path, folder)
    monkeypatch.chdir(path.parent)

    found = ManifestReader(folder).read(Path(path.name))

    assert found.file == path.name


@pytest.mark.parametrize("length", [0, 64, 65, 300, -1])
def test_a_torn_file_is_passed_over_and_written_again(
    path: Path, folder: Path, length: int
) -> None:
    kept = keep(path, folder)
    whole = kept.read_bytes()
    kept.write_bytes(whole[:length])
    reader = ManifestReader(folder)

    found = reader.read(path)
    reader.keep(folder, NOW)

    assert found == read_manifest(path)
    assert kept.read_bytes() == whole


def test_another_version_believes_nothing_of_it(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path, folder)
    monkeypatch.setattr(parsed, "__version__", "0.0.9")
    replace_parser(monkeypatch)

    found = ManifestReader(folder).read(path)

    assert found.name == "parsed"


def test_a_faulty_manifest_is_never_kept(path: Path, folder: Path) -> None:
    path.write_text("version: 1\nrepos: [{repo: a}]")
    reader = ManifestReader(folder)

    with pytest.raises(InvalidInputError):
        reader.read(path)
    reader.keep(folder, NOW)

    assert list(folder.iterdir()) == []


def test_what_no_run_read_for_a_month_goes(path: Path, folder: Path) -> None:
    old = keep(path, folder, NOW - 31 * DAY_S)
    reader = ManifestReader(folder)
    other = path.with_name("other.yaml")
    other.write_text(WHOLE, encoding="utf-8")

    reader.read(other)
    reader.keep(folder, NOW)

    assert not old.exists()


def test_what_is_read_each_day_stays(path: Path, folder: Path) -> None:
    kept = keep(path, folder, NOW - 29 * DAY_S)

    keep(path, folder, NOW - DAY_S)
    keep(path, folder, NOW + 20 * DAY_S)

    assert kept.exists()


def test_a_fetch_url_is_kept_as_it_was_written_and_for_its_user_only(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_URL", "https://h.example/signed?sig=hush")

    kept = keep(path, folder)

    assert "${MODEL_URL}" in kept.read_text()
    assert "hush" not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
