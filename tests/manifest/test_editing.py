"""Adding to a manifest keeps every byte that its author wrote, and means what it should."""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.editing import EMPTY, add_checkpoints, add_repo, edit_manifest
from hubmirror.manifest.reading import parse_manifest, read_manifest
from hubmirror.records import Digest, RepoKey
from hubmirror.specs import CheckpointSpec, EntrypointSpec, RepoSpec

EXAMPLE = Path(__file__).parents[2] / "config" / "manifest.example.yaml"
SHA = Digest("ab" * 32)


def spec(name: str = "some/repo", **fields: object) -> RepoSpec:
    made = RepoSpec(title=name, key=RepoKey.parse(name), url=f"https://github.com/{name}")
    return replace(made, **fields)  # type: ignore[arg-type]  # the tests name its own fields


def weights(*urls: str, sha256: Digest | None = None) -> tuple[CheckpointSpec, ...]:
    return tuple(CheckpointSpec(url, sha256) for url in urls)


WANTED = spec(
    refs=("v1.0", "1.10"),
    aliases=("old/repo",),
    entrypoints=(EntrypointSpec("tiny", "tiny(pretrained=True)"), EntrypointSpec("big", "big()")),
    checkpoints=weights("https://host.example/w.pth", "https://host.example/uc?id=7", sha256=SHA),
)


def add(text: str, wanted: RepoSpec = WANTED, **options: str) -> str:
    return add_repo(text, wanted, file="m.yaml", **options)  # type: ignore[arg-type]  # likewise


def inserted(before: str, after: str) -> str:
    """Return what was inserted, and nothing else may have happened."""
    changes = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    assert not [line for line in changes if line.startswith("- ")]
    return "\n".join(line[2:] for line in changes if line.startswith("+ "))


def test_a_repo_joins_a_manifest_that_is_full_of_comments() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")

    edited = add(text)

    assert parse_manifest(edited, file="m.yaml").repos[-1] == WANTED
    assert "some/repo" in inserted(text, edited)
    assert "}\n\n  - repo: some/repo\n    refs: [v1.0, " in edited
    assert edited.index("some/repo") < edited.index("# Weights that belong to no repo.")


def test_adding_again_changes_nothing() -> None:
    edited = add(EXAMPLE.read_text(encoding="utf-8"))

    assert add(edited) == edited


def test_an_empty_manifest_gets_its_first_repo() -> None:
    edited = add(EMPTY)

    assert parse_manifest(edited, file="m.yaml").repos == (WANTED,)
    assert edited.endswith(
        "version: 1\n\n"
        "repos:\n"
        "  - repo: some/repo\n"
        '    refs: [v1.0, "1.10"]\n'
        "    aliases: [old/repo]\n"
        "    entrypoints:\n"
        "      - tiny(pretrained=True)\n"
        "      - big\n"
        "    checkpoints:\n"
        "      - url: https://host.example/w.pth\n"
        f'        sha256: "{SHA}"\n'
        "      - url: https://host.example/uc?id=7\n"
        f'        sha256: "{SHA}"\n'
    )


@pytest.mark.parametrize(
    "entry",
    [
        "- repo: some/repo",
        "  - repo: Some/Repo   # ours\n    refs: [v1.0]\n",
        "  - {repo: some/repo, refs: [v1.0,], checkpoints: []}\n",
        "  - repo: some/repo\n    refs:\n    - v1.0   # first\n    # - v0\n    checkpoints: # no\n",
        "  - repo: other/name\n    refs: ['v1.0']\n    aliases: [SOME/repo]\n    entrypoints: ~\n",
        "  -\n    refs: [ v1.0 ]\n    repo: some/repo\n    checkpoints: [\n      {url: 'https://a/b'}\n"
        "    ]\n",
        '  - "repo": "some/repo"\n    "refs": [\n      "v1.0"\n    ]\n\n\n',
    ],
)
def test_an_entry_gets_what_it_lacks_however_it_is_written(entry: str) -> None:
    text = f"# head\nversion: 1\nrepos:\n{entry}"
    held = parse_manifest(text, file="m.yaml").repos[0]

    edited = add(text, default_branch="main")

    got = parse_manifest(edited, file="m.yaml").repos[0]
    assert got.title == held.title
    assert set(got.refs) == {*(held.refs or ("main",)), *WANTED.refs}
    assert got.entrypoints == WANTED.entrypoints
    assert got.checkpoints == held.checkpoints + WANTED.checkpoints
    assert add(edited, default_branch="main") == edited


def test_a_manifest_in_json_stays_json() -> None:
    text = json.dumps({"version": 1, "repos": [{"repo": "a/b"}]}, indent=2)

    edited = add(text, spec("some/repo", refs=("v1",), checkpoints=weights("https://host/w")))

    assert json.loads(edited)["repos"][1]["checkpoints"] == [{"url": "https://host/w"}]


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    text = "\ufeffversion: 1\r\nrepos:\r\n  - repo: a/b\r\n# end\r\n"

    edited = add(text)

    assert edited.startswith("\ufeff")
    assert edited.count("\n") == edited.count("\r\n")
    assert edited.endswith("# end\r\n")


def test_a_remark_stands_above_its_line() -> None:
    url = "https://host.example/w.pth"
    wanted = spec(checkpoints=weights(url))

    edited = add_repo(EMPTY, wanted, file="m.yaml", remarks={url: "net.py:3\x1b, certain"})

    assert f"      # net.py:3\\x1b, certain\n      - url: {url}\n" in edited


def test_a_sha256_is_filled_in_where_there_is_none() -> None:
    text = (
        "version: 1\nrepos:\n  - repo: some/repo\n    checkpoints:\n      - url: https://h/w  # w\n"
    )

    edited = add(text, spec(checkpoints=weights("https://h/w", sha256=SHA)))

    assert edited == f'{text}        sha256: "{SHA}"\n'


def test_a_sha256_that_contradicts_the_manifest_is_refused_with_both() -> None:
    text = add(EMPTY)
    other = Digest("cd" * 32)

    with pytest.raises(InvalidInputError, match=f"{SHA}.*{other}"):
        add(text, spec(checkpoints=weights("https://host.example/w.pth", sha256=other)))


def test_refs_do_not_displace_a_default_branch_that_nobody_named() -> None:
    text = add(EMPTY, spec())

    with pytest.raises(InvalidInputError, match="default branch"):
        add(text, spec(refs=("v1.0",)))


def test_the_default_branch_by_its_name_is_what_an_entry_without_refs_has() -> None:
    text = add(EMPTY, spec())

    assert add(text, spec(refs=("main",)), default_branch="main") == text


@pytest.mark.parametrize(
    "shared",
    [
        "x: 1\n",
        "version: 1\nrepos:\n  - {repo: a/b, refs: &r [v0]}\n  - repo: some/repo\n    refs: *r\n",
        "version: 1\nrepos:\n  - &one\n    repo: a/b\n    checkpoints: [{url: 'https://h/1'}]\n"
        "  - {<<: *one, repo: some/repo}\n",
    ],
    ids=["faulty", "shared list", "merged mapping"],
)
def test_what_cannot_be_added_to_is_refused(shared: str) -> None:
    with pytest.raises(InvalidInputError):
        add(shared)


@pytest.mark.parametrize(
    "url", ["https://user:geheim@host/w.pth", "https://host/w.pth?X-Amz-Signature=geheim"]
)
def test_a_secret_is_never_written_nor_repeated(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        add(EMPTY, spec(checkpoints=weights(url)))

    assert "geheim" not in str(caught.value)


def test_a_missing_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"

    changed = edit_manifest(path, add)

    assert changed
    assert read_manifest(path).repos == (WANTED,)
    assert [one.name for one in tmp_path.iterdir()] == ["team.yaml"]


def test_a_file_keeps_its_permissions_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("version: 1\nrepos: []\n", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)

    edit_manifest(link, add)

    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert read_manifest(real).repos == (WANTED,)


def test_a_file_that_lacks_nothing_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    edit_manifest(path, add)
    os.utime(path, ns=(1, 1))

    changed = edit_manifest(path, add)

    assert not changed
    assert path.stat().st_mtime_ns == 1


def test_a_refused_edit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text("version: 1\nrepos: []\n", encoding="utf-8")

    with pytest.raises(InvalidInputError):
        edit_manifest(path, lambda text: add(text, spec(checkpoints=weights("nonsense"))))

    assert path.read_text(encoding="utf-8") == "version: 1\nrepos: []\n"
    assert [one.name for one in tmp_path.iterdir()] == ["team.yaml"]


def test_checkpoints_of_no_repo_join_those_that_are_there() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    before = parse_manifest(text, file="m.yaml")
    new = weights("https://host.example/new.pth", sha256=SHA)

    edited = add_checkpoints(text, (*before.checkpoints, *new), file="m.yaml")

    assert parse_manifest(edited, file="m.yaml").checkpoints == (*before.checkpoints, *new)
    assert len(inserted(text, edited).splitlines()) == 2


def test_checkpoints_of_no_repo_are_a_new_list_where_there_is_none() -> None:
    edited = add_checkpoints(EMPTY, weights("https://host.example/new.pth"), file="m.yaml")

    assert edited == EMPTY + "checkpoints:\n  - url: https://host.example/new.pth\n"


def test_a_checkpoint_that_a_repo_has_is_not_added_again() -> None:
    text = add(EMPTY)

    assert add_checkpoints(text, WANTED.checkpoints, file="m.yaml") == text
