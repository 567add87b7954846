"""What a scan found, as lines of a manifest that reads back."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.editing import EMPTY
from hubmirror.manifest.entrypoints import parse_call
from hubmirror.manifest.reading import parse_manifest
from hubmirror.scanning import Scan
from hubmirror.scanning.adding import add, suggested
from hubmirror.scanning.suggesting import suggest, usual_calls
from tests.scanning.memory import scanned

HUBCONF = """
def small(size=1, pretrained=False):
    assert size in (1, 2)
    torch.hub.load("other/repo:v2", "x")
    if pretrained:
        return load_state_dict_from_url(f"https://host.example/small-{size}.pth")
def large(pretrained=True):
    return load_state_dict_from_url("https://host.example/large.pth")
def odd(name):
    return load_state_dict_from_url("https://host.example/" + name)
"""


def sample() -> Scan:
    return scanned(HUBCONF, title="some/repo")


def urls(scan: Scan, *calls: str) -> list[str]:
    suggestion = suggest(scan, "some/repo", "", [parse_call(call) for call in calls])
    return [one.url.rpartition("/")[2] for one in suggestion.spec.checkpoints]


def test_a_suggestion_reads_back_as_a_manifest_with_its_remarks() -> None:
    scan = sample()

    suggestion = suggest(scan, "some/repo", "", usual_calls(scan))
    text = suggested(EMPTY, suggestion, "manifest.yaml", "main")

    manifest = parse_manifest(text, file="manifest.yaml")
    assert [repo.title for repo in manifest.repos] == ["some/repo", "other/repo"]
    assert manifest.repos[0] == suggestion.spec
    assert manifest.repos[1].refs == ("v2",)
    assert "# hubconf.py:8, certain: small\n      - url: https://host.example/small-1.pth" in text


def test_entrypoints_that_need_nothing_are_called_with_their_weights() -> None:
    calls = usual_calls(sample())

    assert [(call.name, call.kwargs) for call in calls] == [
        ("large", {}),
        ("small", {"pretrained": True}),
    ]


def test_all_weights_are_suggested_where_no_entrypoint_is_named() -> None:
    assert urls(sample()) == ["small-1.pth", "large.pth", "small-2.pth"]


def test_a_named_entrypoint_brings_the_weights_that_it_needs_and_no_others() -> None:
    scan = sample()

    assert urls(scan, "large") == ["large.pth"]
    assert urls(scan, "small(pretrained=True)") == ["small-1.pth"]
    assert urls(scan, "small(size=2)") == ["small-1.pth", "small-2.pth"]


def test_what_no_line_can_say_is_kept_apart() -> None:
    suggestion = suggest(sample(), "some/repo", "")

    assert suggestion.rest == ("url: https://host.example/{name} (hubconf.py:12, possible: odd)",)


def test_an_entrypoint_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no entrypoint 'smal'"):
        urls(sample(), "smal")


def test_adding_twice_changes_nothing_more(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"

    first = add(sample(), [], manifest, dry_run=False)
    second = add(sample(), [], manifest, dry_run=False)

    assert first.before == ""
    assert second.before == second.after == manifest.read_text(encoding="utf-8") == first.after


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"

    added = add(sample(), [], manifest, dry_run=True)

    assert "small-1.pth" in added.after
    assert not manifest.exists()
