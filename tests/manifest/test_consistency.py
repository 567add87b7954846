"""Faults of a manifest as a whole: each place is named, together with all other faults."""

from __future__ import annotations

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.reading import parse_manifest


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(text, file="m")
    return [str(fault).removeprefix("m:") for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("version: 1", "1:1"),
        ("version: 1\nname: team\nsettings: {jobs: 2}\n", "1:1"),
        ("version: 1\nrepos:\n", "2:7"),
        ("version: 1\nrepos:\ncheckpoints:\n", "2:7"),
    ],
)
def test_a_manifest_that_was_cut_off_does_not_empty_its_source(text: str, place: str) -> None:
    found = faults(text)

    assert found == [
        f"{place}: neither repos: nor checkpoints: has an entry; "
        "if the source shall be empty, write `repos: []`"
    ]


@pytest.mark.parametrize("key", ["repos", "checkpoints"])
def test_a_source_may_be_empty_where_the_manifest_says_so(key: str) -> None:
    manifest = parse_manifest(f"version: 1\n{key}: []", file="m")

    assert not manifest.repos
    assert not manifest.checkpoints


def test_one_repo_twice_names_both_places_and_addresses() -> None:
    text = "version: 1\nrepos:\n- repo: a/b\n- repo: A/B\n  url: https://x.example/a/b\n- url: https://github.com/a/b\n"

    assert faults(text) == [
        "4:9: repo: 'A/B' is here already, at line 3, with another address: "
        "'https://github.com/a/b' there, 'https://x.example/a/b' here; "
        "merge the two entries into one",
        "6:8: repo: 'a/b' is here already, at line 3; merge the two entries into one",
    ]


def test_one_name_for_two_repos_names_both() -> None:
    text = (
        "version: 1\nrepos:\n- repo: c/d\n  aliases: [a/b, e/f, C/D]\n- repo: a/b\n"
        "- repo: g/h\n  aliases: [E/F, q/r/s, no]\n"
    )

    assert faults(text) == [
        "4:13: aliases: 'a/b' is already a name of 'a/b' (line 5), and one name means one repo",
        "7:13: aliases: 'E/F' is already a name of 'c/d' (line 3), and one name means one repo",
        "7:18: aliases: expected owner/name, or a host with a path such as git.example/team/name, "
        "got 'q/r/s'; if 'q' is a host, say so with url:",
        "7:25: aliases: expected owner/name, got no, which YAML takes for false",
    ]


def test_two_checksums_of_one_url_are_both_named() -> None:
    full = "a" * 64
    text = (
        "version: 1\nrepos:\n- repo: a/b\n  checkpoints:\n"
        "  - {url: https://h.example/x, sha256: aaaaaaaa}\n"
        "- repo: c/d\n  checkpoints:\n"
        f"  - {{url: https://h.example/x, sha256: {full}}}\n"
        "checkpoints:\n- {url: https://h.example/x, sha256: aaaaaaaab}\n"
    )

    assert faults(text) == [
        f"10:38: sha256: 'https://h.example/x' cannot have two: {full} at line 8, aaaaaaaab here"
    ]


def test_one_url_twice_in_one_list_is_a_fault() -> None:
    text = "version: 1\ncheckpoints:\n- url: file:///x\n- url: file:///x\n"

    assert faults(text) == ["4:8: url: 'file:///x' is here twice; the first is at line 3"]


def test_all_faults_come_at_once_in_the_order_of_the_file() -> None:
    text = (
        "version: 1\nname: -x\nname: y\nrepos:\n- repo: ../x\n  ref: v1\n- repo: a/b\n"
        "  refs: [1.0]\n- repo: A/b\ncheckpoints:\n- url: x\n"
    )

    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(text, file="vision.yaml")

    assert caught.value.message.splitlines()[0] == "vision.yaml: not a valid manifest, 7 faults:"
    assert [fault.line for fault in caught.value.faults] == [2, 3, 5, 6, 8, 9, 11]
