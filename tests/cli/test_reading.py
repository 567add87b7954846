"""``list``, ``show``, ``history`` and ``verify``: what a mirror says of itself."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from tests.cli.shell import Shell, flip
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.writer import wanted

CHECKPOINT = {"url", "sha256", "size_bytes", "kind", "globals"}
REF = {"name", "kind", "commit"}
UNIT = {
    *("source", "name", "state", "reason", "size_bytes", "default_branch", "aliases", "refs"),
    *("checkpoints", "quarantined", "proofs"),
}
PROOF = {"call", "ref", "state", "reason", "torch", "python", "platform", "tried_at"}
SHOWN = {
    *("publication", "repo", "ref", "url", "source", "state", "reason", "default_branch"),
    *("aliases", "refs", "snapshot", "dependencies", "requires_torch", "requires_python"),
    *("wanted", "open_ended", "entrypoints", "checkpoints", "quarantined", "proofs"),
}
PUBLICATION = {
    *("digest", "origin", "sequence", "created_at", "tool", "repos", "snapshots", "checkpoints"),
    *("size_bytes", "current", "rolled_back", "retired_since", "pinned_for"),
}


@pytest.fixture
def filled(shell: Shell, upstream: Upstream) -> Shell:
    """A mirror of one hub repo and one checkpoint that belongs to none."""
    hub = hubs.plain_weights(upstream)
    entry = wanted(hub, aliases=["Old/Name"], entrypoints=["small(pretrained=True)"])
    url = upstream.put("/loose.pth", b"loose weights")
    assert shell("sync", shell.writer.manifest([entry], checkpoints=[{"url": url}])).code == 0
    return shell


# --- list -------------------------------------------------------------------------------


def test_list_is_a_table_of_units(filled: Shell, upstream: Upstream) -> None:
    said = filled("list")

    assert said.code == ExitCode.OK
    head, *rows = [line.split() for line in said.out.splitlines()]
    assert " ".join(head) == "REPO OR URL REFS CHECKPOINTS SIZE STATE PROVED SOURCE"
    assert rows[0][:2] == ["acme/plain-weights", "main"]
    assert rows[0][-2:] == ["0/1", "team"]
    assert rows[1] == [upstream.url("/loose.pth"), "-", "1", "13", "B", "complete", "-", "team"]
    assert said.err == ""


def test_list_says_why_a_unit_is_not_whole(filled: Shell, upstream: Upstream) -> None:
    RepoBuilder(upstream, "acme/plain-weights").commit({"hubconf.py": None})
    manifest = json.loads((filled.writer.folder / "team.yaml").read_text())
    filled("sync", filled.writer.manifest(manifest["repos"]))

    said = filled("list")

    assert "\nstale: acme/plain-weights: acme/plain-weights:main: no hubconf.py" in said.out


def test_list_has_the_documented_keys(filled: Shell) -> None:
    found = filled.document("list")

    assert set(found) == {"publication", "sequence", "units"}
    assert found["publication"] == filled.digests()[0]
    repo, loose = found["units"]
    assert set(repo) == set(loose) == UNIT
    assert [set(proof) for proof in repo["proofs"]] == [PROOF]
    assert loose["proofs"] == []
    assert (repo["name"], repo["state"], repo["aliases"]) == (
        "acme/plain-weights",
        "complete",
        ["Old/Name"],
    )
    assert {key for ref in repo["refs"] for key in ref} == REF
    assert {key for row in repo["checkpoints"] for key in row} == CHECKPOINT
    assert (loose["default_branch"], loose["refs"]) == (None, [])


def test_an_older_publication_can_be_listed_by_the_first_digits_of_its_digest(
    filled: Shell, upstream: Upstream
) -> None:
    first = filled.digests()[0]
    filled("sync", filled.writer.manifest([], checkpoints=[{"url": upstream.url("/loose.pth")}]))

    now, then = filled.document("list"), filled.document("list", "--publication", first[:12])

    assert [unit["name"] for unit in now["units"]] == [upstream.url("/loose.pth")]
    assert then["publication"] == first
    assert len(then["units"]) == 2


def test_a_publication_that_is_not_there_is_not_found(filled: Shell) -> None:
    said = filled("list", "--publication", "0123")

    assert said.code == ExitCode.NOT_FOUND
    assert "  `hubmirror history` lists them\n" in said.err


@pytest.mark.parametrize("command", [["list"], ["show", "a/b"], ["verify"], ["history"]])
def test_where_no_mirror_is_it_is_said_how_to_make_one(shell: Shell, command: list[str]) -> None:
    said = shell(*command)

    assert said.code == ExitCode.NOT_FOUND
    assert said.out == ""
    assert said.err.splitlines() == [
        "hubmirror: mirror: no mirror here: it has no hubmirror.json",
        "  `hubmirror sync MANIFEST --mirror DIR` makes one",
    ]


@pytest.mark.parametrize("command", [["list"], ["show", "a/b"], ["verify"], ["history"]])
def test_where_no_mirror_is_named_all_places_to_name_one_are(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.delenv("HUBMIRROR")

    said = shell(*command)

    assert said.code == ExitCode.NOT_FOUND
    assert all(place in said.err for place in ("--mirror DIR", "HUBMIRROR", "config.yaml"))


def test_a_mirror_that_needs_a_newer_hubmirror_is_refused_by_name(filled: Shell) -> None:
    marker = filled.writer.root / "hubmirror.json"
    marker.write_text(json.dumps({"format": 2, "min_reader": 2, "id": "x"}))

    said = filled("list")

    assert said.code == ExitCode.VERIFICATION
    assert "newer hubmirror" in said.err


@pytest.mark.parametrize("command", [["list"], ["show", "acme/plain-weights"], ["history"]])
def test_a_reader_changes_nothing_in_a_mirror(filled: Shell, command: list[str]) -> None:
    def files() -> list[tuple[Path, int]]:
        return [(path, path.stat().st_mtime_ns) for path in sorted(filled.writer.root.rglob("*"))]

    before = files()

    assert filled(*command).code == ExitCode.OK
    assert files() == before


# --- show -------------------------------------------------------------------------------


def test_show_tells_refs_entrypoints_and_checkpoints(filled: Shell, upstream: Upstream) -> None:
    said = filled("show", "acme/plain-weights")

    lines = said.out.splitlines()
    assert lines[0] == "acme/plain-weights:main (branch)"
    assert lines[lines.index("must load:") + 2].split() == [
        *("small(pretrained=True)", "main", "unproved"),
    ]
    place = lines.index("  small(pretrained=True, **kwargs)")
    assert lines[place + 1] == "      The tiny net `small`."
    assert f"  {upstream.url('/acme/plain-weights/small.pth')}" in lines


def test_show_has_the_documented_keys(filled: Shell) -> None:
    found = filled.document("show", "old/name:main")

    assert set(found) == SHOWN
    assert found["publication"] == filled.digests()[0]
    assert found["repo"] == "acme/plain-weights"
    assert set(found["ref"]) == REF
    assert set(found["snapshot"]) == {"sha256", "size_bytes"}
    entrypoints = {entry["name"]: entry for entry in found["entrypoints"]}
    assert set(entrypoints) == {"Tiny", "small", "large"}
    assert set(entrypoints["small"]) == {"name", "signature", "doc", "file"}
    assert entrypoints["small"]["doc"] == "The tiny net `small`."


def test_show_of_what_is_not_mirrored_gives_the_lines_to_write(filled: Shell) -> None:
    said = filled("show", "acme/plain-weight:v2")

    assert said.code == ExitCode.NOT_FOUND
    assert "did you mean 'acme/plain-weights'?" in said.err
    assert "  to mirror it, add to the manifest:\n" in said.err
    assert "    - repo: acme/plain-weight\n" in said.err


def test_show_of_a_ref_that_is_not_mirrored_names_those_that_are(filled: Shell) -> None:
    said = filled("show", "acme/plain-weights:v9")

    assert said.code == ExitCode.NOT_FOUND
    assert "ref 'v9' is not mirrored; mirrored refs: main" in said.err


def test_show_of_what_is_no_repo_name_is_faulty_input(filled: Shell) -> None:
    said = filled("show", "resnet18")

    assert said.code == ExitCode.INVALID
    assert "expected owner/name" in said.err


def test_what_a_docstring_holds_cannot_steer_the_terminal(shell: Shell, upstream: Upstream) -> None:
    builder = RepoBuilder.create(upstream, "evil/escape")
    source = 'def net():\n    """\x1b[31mRed\x1b]0;title\x07 \u00e9\u2192"""\n'
    builder.commit({"hubconf.py": source})
    entry = {"repo": "evil/escape", "url": upstream.git_url("evil/escape")}
    shell("sync", shell.writer.manifest([entry]))

    said = shell("show", "evil/escape")

    assert "\n      \\x1b[31mRed\\x1b]0;title\\x07 \u00e9\u2192\n" in said.out
    assert "\x1b" not in said.out


# --- history ----------------------------------------------------------------------------


def test_history_lists_what_is_kept_the_newest_first(filled: Shell, upstream: Upstream) -> None:
    filled("sync", filled.writer.manifest([], checkpoints=[{"url": upstream.url("/loose.pth")}]))

    said = filled("history")

    head, new, old = [line.split() for line in said.out.splitlines()]
    assert " ".join(head) == "SEQUENCE PUBLICATION CREATED REPOS CHECKPOINTS SIZE"
    digests = [digest[:12] for digest in filled.digests()]
    assert [new[:2], old[:2]] == [["2", digests[0]], ["1", digests[1]]]
    assert new[-1] == "current"
    assert old[-1] != "current"


def test_history_has_the_documented_keys(filled: Shell) -> None:
    found = filled.document("history")

    assert set(found) == {"held", "held_since", "held_reason", "publications"}
    (publication,) = found["publications"]
    assert set(publication) == PUBLICATION
    assert publication["digest"] == filled.digests()[0]
    assert (publication["sequence"], publication["repos"], publication["current"]) == (1, 1, True)


def test_where_the_current_publication_is_damaged_the_one_before_is_shown_with_a_warning(
    filled: Shell, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    first = filled.digests()[0]
    filled("sync", filled.writer.manifest([], checkpoints=[{"url": upstream.url("/loose.pth")}]))
    flip(filled.writer.root / "publications" / f"{filled.digests()[0]}.json")

    listed, told = filled.document("list"), filled.document("history")

    assert listed["publication"] == first
    assert [one["digest"] for one in told["publications"]] == [first]
    assert "the newest sound publication is served, sequence 1" in caplog.text
    assert filled("verify").code == ExitCode.VERIFICATION


# --- verify -----------------------------------------------------------------------------


def test_verify_of_a_whole_mirror_is_one_line(filled: Shell) -> None:
    said = filled("verify")

    assert (said.code, said.err) == (ExitCode.OK, "")
    assert " read: all good\n" in said.out


def test_verify_leaves_the_collector_of_its_process_as_it_was(filled: Shell) -> None:
    gc.enable()

    filled("verify")

    assert gc.isenabled()


def test_verify_names_a_blob_with_a_flipped_bit(filled: Shell, upstream: Upstream) -> None:
    blob = filled.blob(upstream.url("/loose.pth"))
    flip(blob)

    said = filled("verify")

    assert said.code == ExitCode.VERIFICATION
    assert blob.name in said.err
    assert "expected sha256 " in said.err
    assert "read: 1 fault\n" in said.out


def test_verify_names_a_blob_that_is_missing(filled: Shell, upstream: Upstream) -> None:
    blob = filled.blob(upstream.url("/loose.pth"))
    blob.unlink()

    said = filled("verify")

    assert said.code == ExitCode.VERIFICATION
    assert f"{blob.name}: missing" in said.err


def test_unreferenced_blobs_and_leftovers_are_reported_and_harmless(filled: Shell) -> None:
    stray = filled.writer.root / "blobs" / "sha256" / "ab" / ("ab" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"stray")
    (filled.writer.root / ".incoming" / "new-left").write_bytes(b"half a file")

    said = filled("verify")

    assert said.code == ExitCode.OK
    assert said.err.splitlines() == [
        f"unreferenced: {'ab' * 32}",
        "left by an interrupted run: .incoming/new-left",
    ]
    assert "all good\n" in said.out


def test_verify_has_the_documented_keys(filled: Shell, upstream: Upstream) -> None:
    flip(filled.blob(upstream.url("/loose.pth")))

    found = filled.document("verify", code=ExitCode.VERIFICATION)

    assert set(found) == {
        *("checked", "size_bytes", "hashed", "hashed_bytes", "oldest_read_at"),
        *("faults", "findings", "unreferenced", "leftovers"),
    }
    assert set(found["findings"][0]) == {"fault", "path", "detail", "sha256", "needed_by"}
    assert found["checked"] > 3
    assert len(found["faults"]) == 1
