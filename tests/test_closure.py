"""What a trace saw an entrypoint need is served by some unit, or that unit cannot advance."""

from __future__ import annotations

import pytest

from hubmirror.closure import Prospect, find_gaps
from hubmirror.manifest.locked import LockedEntrypoint
from hubmirror.records import RefKind, RefRow
from tests.samples import COMMIT, OTHER_COMMIT, repo

URL = "https://h.example/w.pth"
CALL = "resnet18(pretrained=True)"
NEED = LockedEntrypoint(CALL, COMMIT, urls=(URL,))


def needing(need: LockedEntrypoint, *urls: str) -> Prospect:
    return Prospect("team", "pytorch/vision", urls, repo(), (need,))


@pytest.mark.parametrize(
    ("asked", "served"),
    [(URL, URL), (URL, f"{URL}?download=1"), ("http://h.example:80/w.pth", URL)],
)
def test_a_url_is_met_where_the_loader_would_meet_it(asked: str, served: str) -> None:
    need = LockedEntrypoint(CALL, COMMIT, urls=(asked,))

    assert find_gaps([needing(need, served)]) == {}


def test_less_trust_than_was_asked_for_meets_no_need() -> None:
    assert find_gaps([needing(NEED, "http://h.example/w.pth")])


def test_another_source_may_serve_what_an_entrypoint_needs() -> None:
    other = Prospect("other", URL, (URL,), None)

    assert find_gaps([needing(NEED), other]) == {}


def test_a_url_that_nobody_serves_is_named_with_the_lines_to_add() -> None:
    gaps = find_gaps([needing(NEED, "https://h.example/other/w.pth")])

    (gap,) = gaps.values()
    assert list(gaps) == [("team", "pytorch/vision")]
    assert gap.message == (
        "pytorch/vision: it needs what no source mirrors: "
        f"{URL} ({CALL}, traced at commit {COMMIT[:12]})"
    )
    assert gap.hint == (
        "add to the manifest, below `repos:`\n"
        "    - repo: pytorch/vision\n"
        "      checkpoints:\n"
        f"        - url: {URL}"
    )


@pytest.mark.parametrize(
    "spec",
    ["a/inner", "A/Inner:main", "a/inner:v1", f"a/inner:{COMMIT[:9]}", "a/alias:refs/tags/v1"],
)
def test_a_nested_repo_is_met_by_every_name_that_loads(spec: str) -> None:
    refs = (RefRow("main", RefKind.BRANCH, OTHER_COMMIT), RefRow("v1", RefKind.TAG, COMMIT))
    inner = repo("a/inner", aliases=("a/alias",), refs=refs, snapshots=())
    need = LockedEntrypoint(CALL, COMMIT, repos=(spec,))

    assert find_gaps([needing(need), Prospect("other", "a/inner", (), inner)]) == {}


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        ("a/inner", "- repo: a/inner"),
        ("a/inner:v2", "- repo: a/inner\n      refs: ['v2']"),
    ],
)
def test_a_nested_repo_that_nobody_serves_is_named_with_the_lines_to_add(
    spec: str, lines: str
) -> None:
    need = LockedEntrypoint(CALL, COMMIT, repos=(spec,))

    (gap,) = find_gaps([needing(need)]).values()

    assert f"the repo {spec} ({CALL}" in gap.message
    assert gap.hint == f"add to the manifest, below `repos:`\n    {lines}"


def test_a_repo_without_refs_serves_nobody() -> None:
    inner = repo("a/inner", refs=(), snapshots=())
    need = LockedEntrypoint(CALL, COMMIT, repos=("a/inner",))

    assert find_gaps([needing(need), Prospect("other", "a/inner", (), inner)])
