"""What typed refs mean against the refs of a repo."""

from __future__ import annotations

import pytest

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.records import RefKind, RefRow
from hubmirror.upstream.refs import RemoteRefs, match_refs, parse_refs

ONE, TWO, SIX = "1" * 40, "2" * 40, "6" * 40
REMOTE = RemoteRefs(
    default_branch="trunk",
    branches={"trunk": ONE, "both": ONE, "feature/x": TWO, "abcdef1": TWO},
    tags={"v0.10.0": ONE, "v0.11.0": TWO, "v1.0": TWO, "both": TWO},
)


def only(typed: str) -> RefRow:
    (row,) = match_refs(typed, REMOTE)
    return row


def test_nothing_means_the_default_branch() -> None:
    assert only("") == RefRow("trunk", RefKind.BRANCH, ONE)


def test_a_name_that_is_branch_and_tag_means_the_branch() -> None:
    assert only("both") == RefRow("both", RefKind.BRANCH, ONE)


def test_a_full_ref_means_what_it_says() -> None:
    assert only("refs/heads/both") == RefRow("refs/heads/both", RefKind.BRANCH, ONE)
    assert only("refs/tags/both") == RefRow("refs/tags/both", RefKind.TAG, TWO)


def test_a_tag_is_found_by_its_name() -> None:
    assert only("v1.0") == RefRow("v1.0", RefKind.TAG, TWO)


def test_forty_digits_are_a_commit() -> None:
    assert only(SIX) == RefRow(SIX, RefKind.COMMIT, SIX)


def test_upper_case_digits_load_as_typed() -> None:
    assert only("ABCDEF12" * 5) == RefRow("ABCDEF12" * 5, RefKind.COMMIT, "abcdef12" * 5)


def test_seven_digits_are_a_commit_still_to_be_found() -> None:
    assert only("abcdef0") == RefRow("abcdef0", RefKind.COMMIT, "")


def test_a_branch_outranks_the_digits_in_its_name() -> None:
    assert only("abcdef1") == RefRow("abcdef1", RefKind.BRANCH, TWO)


def test_a_glob_means_every_branch_and_tag_that_it_matches() -> None:
    assert [row.name for row in match_refs("v0.1?.*", REMOTE)] == ["v0.10.0", "v0.11.0"]
    assert [row.name for row in match_refs("f*", REMOTE)] == ["feature/x"]
    assert [row.name for row in match_refs("v[01].[0-9]*", REMOTE)] == [
        "v0.10.0", "v0.11.0", "v1.0",
    ]  # fmt: skip


def test_a_glob_takes_the_branch_of_a_name_that_is_both() -> None:
    assert match_refs("bot*", REMOTE) == (RefRow("both", RefKind.BRANCH, ONE),)


def test_a_glob_over_full_names_keeps_to_its_kind() -> None:
    found = match_refs("refs/tags/*", REMOTE)

    assert {row.kind for row in found} == {RefKind.TAG}
    assert "refs/tags/both" in {row.name for row in found}


def test_letter_case_of_refs_counts() -> None:
    with pytest.raises(UpstreamError):
        match_refs("TRUNK*", REMOTE)


@pytest.mark.parametrize(
    ("typed", "near"),
    [("v0.10.1", "v0.10.0"), ("refs/tags/v1.O", "v1.0"), ("v2.*", "v1.0"), ("trunc", "trunk")],
)
def test_an_unknown_ref_names_those_that_are_near(typed: str, near: str) -> None:
    with pytest.raises(UpstreamError) as unknown:
        match_refs(typed, REMOTE)

    assert typed in unknown.value.message
    assert near in str(unknown.value)
    assert not unknown.value.unreachable


def test_a_long_list_of_refs_is_shortened() -> None:
    remote = RemoteRefs("", {}, {f"v{number}": ONE for number in range(5000)})

    with pytest.raises(UpstreamError) as unknown:
        match_refs("main", remote)

    assert "and 4988 more" in str(unknown.value)
    assert len(str(unknown.value)) < 300


def test_a_repo_without_default_branch_asks_for_a_ref() -> None:
    with pytest.raises(UpstreamError, match="no default branch") as missing:
        match_refs("", RemoteRefs("", {"a": ONE}, {}))

    assert "refs:" in missing.value.hint


@pytest.mark.parametrize("typed", ["--upload-pack=x", "a b", "a..b", "a\nb"])
def test_what_can_be_no_ref_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError):
        match_refs(typed, REMOTE)


def listing(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def test_tags_are_peeled() -> None:
    refs = parse_refs(listing(f"{ONE}\trefs/tags/v1", f"{TWO}\trefs/tags/v1^{{}}"))

    assert refs.tags == {"v1": TWO}


def test_head_names_the_default_branch() -> None:
    lines = ("ref: refs/heads/b\tHEAD", f"{ONE}\tHEAD", f"{ONE}\trefs/heads/a")

    assert parse_refs(listing(*lines, f"{ONE}\trefs/heads/b")).default_branch == "b"


def test_an_unborn_head_is_no_default_branch() -> None:
    assert parse_refs(listing("ref: refs/heads/b\tHEAD", f"{ONE}\trefs/heads/a")).branches
    assert not parse_refs(listing("ref: refs/heads/b\tHEAD", f"{ONE}\trefs/heads/a")).default_branch


@pytest.mark.parametrize(
    ("branches", "expected"),
    [(["a", "main", "master"], "main"), (["a", "master"], "master"), (["z", "b"], "z"), ([], "")],
)
def test_a_host_that_does_not_name_head_is_guessed_at(branches: list[str], expected: str) -> None:
    lines = [f"{ONE}\tHEAD", f"{TWO}\trefs/heads/other"]
    refs = parse_refs(listing(*lines, *(f"{ONE}\trefs/heads/{name}" for name in branches)))

    assert refs.default_branch == expected


def test_other_refs_and_names_that_nobody_can_type_are_passed_over() -> None:
    lines = listing(f"{ONE}\trefs/pull/1/head", f"{ONE}\trefs/heads/-x", f"{ONE}\trefs/heads/ok")
    refs = parse_refs(lines + ONE.encode() + b"\trefs/heads/\xff\n<html>\tlogin</html>\n")

    assert refs.branches == {"ok": ONE}
    assert refs.tags == {}


def test_sha256_repos_are_refused_by_name() -> None:
    with pytest.raises(UpstreamError, match="SHA-256"):
        parse_refs(listing(f"{'a' * 64}\trefs/heads/main"))
