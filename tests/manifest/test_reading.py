"""What a sound manifest becomes, and which files stand for manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import Fault, InvalidInputError
from hubmirror.manifest.reading import (
    check_sources,
    find_manifests,
    parse_manifest,
    read_manifest,
)
from hubmirror.records import Digest, RepoKey
from hubmirror.specs import (
    CheckpointSpec,
    EntrypointSpec,
    Manifest,
    RepoSpec,
    SyncSettings,
)

WHOLE = """
version: 1
name: vision-team
repos:
  - repo: PyTorch/vision
    refs: [v0.10.0, "v0.1?.*"]
    aliases: [pytorch/Vision, pytorch/old-vision]
    entrypoints:
      - resnet18( pretrained = True )
      - {name: alexnet, args: [3], kwargs: {pretrained: true, size: tiny}}
      - vgg16
    checkpoints:
      - url: https://download.pytorch.org/models/resnet18-f37072fd.pth
        urls: [https://other.example/x.pth]
        fetch_url: ${MODEL_URL}
checkpoints:
  - url: https://host.example/uc?id=7
    sha256: "SHA"
settings: {jobs: 4, limit_rate: 50MB/s, max_size: 2MiB}
"""


def test_a_whole_manifest_becomes_records() -> None:
    text = WHOLE.replace("SHA", "A" * 64)

    manifest = parse_manifest(text, file="m.yaml")

    repo = RepoSpec(
        title="PyTorch/vision",
        key=RepoKey("github.com", "pytorch/vision"),
        url="https://github.com/PyTorch/vision",
        refs=("v0.10.0", "v0.1?.*"),
        aliases=("pytorch/old-vision",),
        entrypoints=(
            EntrypointSpec("resnet18", "resnet18(pretrained=True)"),
            EntrypointSpec("alexnet", "alexnet(3, pretrained=True, size='tiny')"),
            EntrypointSpec("vgg16", "vgg16()"),
        ),
        checkpoints=(
            CheckpointSpec(
                url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
                fallbacks=("https://other.example/x.pth",),
                fetch_url="${MODEL_URL}",
            ),
        ),
    )
    loose = CheckpointSpec(url="https://host.example/uc?id=7", sha256=Digest("a" * 64))
    settings = SyncSettings(jobs=4, limit_rate_bytes=50_000_000, max_size_bytes=2 * 2**20)
    assert manifest == Manifest("vision-team", "m.yaml", (repo,), (loose,), settings)


def test_a_manifest_may_be_json() -> None:
    text = '{\n\t"version": 1,\n\t"repos": [{"repo": "a/b", "refs": ["x\\/y"]}]\n}'

    manifest = parse_manifest(text, file="m.json")

    assert manifest.repos[0].refs == ("x/y",)


def test_a_source_is_named_after_its_file() -> None:
    assert parse_manifest("version: 1\nrepos: []", file="teams/vision.v2.yaml").name == "vision.v2"


@pytest.mark.parametrize("file", ["-", "my team.yaml", ".yaml", "é.yaml", f"{'x' * 65}.yaml"])
def test_a_file_name_that_is_no_source_name_asks_for_one(file: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_manifest("version: 1\nrepos: []", file=file)

    stem = Path(file).stem
    message = f"name: is missing, and {stem!r}, from the file's name, is none; add `name: vision`"
    assert caught.value.faults == (Fault(file, 1, 1, message),)
    assert parse_manifest("version: 1\nname: vision\nrepos: []", file=file).name == "vision"


@pytest.mark.parametrize(
    ("key", "other"),
    [("repos", "checkpoints"), ("checkpoints", "repos"), ("settings", "repos")],
)
def test_a_key_whose_entries_are_all_commented_out_is_empty(key: str, other: str) -> None:
    manifest = parse_manifest(f"version: 1\n{other}: []\n{key}:\n  # - later\n", file="m.yaml")

    assert manifest == Manifest("m", "m.yaml")


@pytest.mark.parametrize(
    ("entry", "title", "key", "url"),
    [
        ("repo: A/b", "A/b", "a/b", "https://github.com/A/b"),
        ("repo: git.x/T/b", "git.x/T/b", "git.x/T/b", "https://git.x/T/b"),
        ("{repo: a/b, url: 'git@git.x:t/b'}", "a/b", "a/b", "git@git.x:t/b"),
        ("{repo: gitlab/t/b, url: 'http://gitlab/t/b'}", "gitlab/t/b", "gitlab/t/b", "http://gitlab/t/b"),
        ("url: https://github.com/A/b.git", "A/b", "a/b", "https://github.com/A/b.git"),
        ("url: ssh://git@git.x:22/g/t/b.git", "t/b", "t/b", "ssh://git@git.x:22/g/t/b.git"),
        ("url: git.x:t/b.git", "t/b", "t/b", "git.x:t/b.git"),
        ("url: file:///srv/git/t/b.git/", "t/b", "t/b", "file:///srv/git/t/b.git/"),
    ],
)  # fmt: skip
def test_a_repo_is_named_by_repo_or_else_by_its_url(
    entry: str, title: str, key: str, url: str
) -> None:
    text = f"version: 1\nrepos:\n- {entry}\n"

    spec = parse_manifest(text, file="m.yaml").repos[0]

    assert (spec.title, str(spec.key), spec.url) == (title, key, url)


@pytest.mark.parametrize(
    ("sha256", "prefix", "digest"),
    [
        (None, "", None),
        ('"0A1B2C3D"', "0a1b2c3d", None),
        ("sha256:0a1b2c3d4e", "0a1b2c3d4e", None),
        (f'"0a1b2c3d{"0" * 56}"', "", Digest(f"0a1b2c3d{'0' * 56}")),
    ],
)
def test_a_short_sha256_is_a_prefix_and_a_full_one_a_digest(
    sha256: str | None, prefix: str, digest: Digest | None
) -> None:
    text = "version: 1\ncheckpoints:\n- url: https://h.example/m-0a1b2c3d.pth\n"
    if sha256:
        text += f"  sha256: {sha256}\n"

    spec = parse_manifest(text, file="m.yaml").checkpoints[0]

    assert (spec.prefix, spec.sha256) == (prefix, digest)


def test_anchors_aliases_and_merge_keys_work() -> None:
    text = (
        "version: 1\nrepos:\n"
        "- &common {repo: a/b, refs: &refs [v1, v2], checkpoints: [{url: https://h.example/x}]}\n"
        "- {<<: *common, repo: c/d}\n"
        "- {repo: e/f, refs: *refs}\n"
    )

    repos = parse_manifest(text, file="m.yaml").repos

    assert [repo.title for repo in repos] == ["a/b", "c/d", "e/f"]
    assert {repo.refs for repo in repos} == {("v1", "v2")}
    assert repos[1].checkpoints == repos[0].checkpoints


def test_one_url_in_two_units_is_fine() -> None:
    text = (
        "version: 1\nrepos:\n"
        "- {repo: a/b, checkpoints: [{url: https://h.example/x, sha256: aaaaaaaa}]}\n"
        f"- {{repo: c/d, checkpoints: [{{url: https://h.example/x, sha256: '{'a' * 64}'}}]}}\n"
        "checkpoints: [{url: https://h.example/x}]\n"
    )

    assert len(parse_manifest(text, file="m.yaml").repos) == 2


def test_the_same_call_in_two_spellings_is_one_entrypoint() -> None:
    text = "version: 1\nrepos: [{repo: a/b, entrypoints: [f, f(), {name: f}]}]"

    assert parse_manifest(text, file="m.yaml").repos[0].entrypoints == (EntrypointSpec("f", "f()"),)


def test_a_manifest_is_read_with_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\r\nrepos:\r\n- repo: a/b\r\n")

    assert read_manifest(path).repos[0].title == "a/b"


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_manifest(tmp_path / "m.yaml")

    assert str(caught.value) == f"{tmp_path}/m.yaml: no such file"


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_manifest(tmp_path)

    assert str(caught.value) == f"{tmp_path}: expected a manifest, got a folder"


@pytest.mark.parametrize(
    ("content", "line", "column", "message"),
    [
        (b"version: 1\nname: caf\xe9\n", 2, 10, "the byte 0xe9 is not UTF-8 text"),
        ("version: 1".encode("utf-16"), 1, 1, "UTF-16 text"),
    ],
)
def test_bytes_that_are_not_utf8_have_a_place(
    content: bytes, line: int, column: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)

    with pytest.raises(InvalidInputError) as caught:
        read_manifest(path)

    expected = Fault(str(path), line, column, f"{message}; save the file as UTF-8")
    assert caught.value.faults == (expected,)


def test_a_file_too_large_for_a_manifest_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with path.open("wb") as stream:
        stream.truncate(2**40)

    with pytest.raises(InvalidInputError, match="larger than 64 MiB, which no manifest is"):
        read_manifest(path)


def test_a_folder_stands_for_its_manifests_in_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "b.yaml.lock", ".d.yaml", "README.md"):
        (tmp_path / name).touch()
    (tmp_path / "sub.yaml").mkdir()

    found = find_manifests([tmp_path / "c.json", tmp_path])

    assert [path.name for path in found] == ["c.json", "a.yml", "b.yaml"]


def test_every_path_that_stands_for_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        find_manifests([tmp_path, tmp_path / "x.yaml"])

    assert str(caught.value) == (
        f"{tmp_path}: no *.yaml, *.yml or *.json file in this folder\n"
        f"{tmp_path}/x.yaml: no such file"
    )


def test_two_manifests_of_one_source_name_are_both_named() -> None:
    manifests = [Manifest("vision", "a.yaml"), Manifest("audio", "b.yaml")]
    check_sources(manifests)

    with pytest.raises(InvalidInputError) as caught:
        check_sources([*manifests, Manifest("vision", "c/vision.yaml")])

    assert str(caught.value) == (
        "two manifests with one source name:\n"
        "c/vision.yaml: the source name 'vision' is taken by a.yaml; "
        "give one of the two another `name:`"
    )
