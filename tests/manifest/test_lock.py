"""The lock: one text for one meaning, and no text that means something else by accident."""

# ruff: noqa: E501 - a table reads best with one case to a line

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.errors import InvalidInputError, NotFoundError
from hubmirror.manifest.lock import (
    DEFAULT_BRANCH,
    Lock,
    LockedCheckpoint,
    LockedEntrypoint,
    LockedRepo,
    LockedRequest,
    LockedSnapshot,
    lock_path,
    parse_lock,
    read_lock,
)
from hubmirror.records import Digest, RefKind, RefRow, RepoKey

A, B, C = "a" * 40, "b" * 40, "c" * 40
URL = "https://h.example/x.pth"
LOCK = Lock(
    source="vision",
    repos=(
        LockedRepo(
            key="pytorch/vision",
            url="https://github.com/pytorch/vision",
            default_branch="main",
            requests=(
                LockedRequest(
                    "v0.1?.*",
                    (RefRow("v0.11.0", RefKind.TAG, B), RefRow("v0.10.0", RefKind.TAG, A)),
                ),
                LockedRequest(DEFAULT_BRANCH, (RefRow("main", RefKind.BRANCH, C),)),
                LockedRequest("old/*", ()),
            ),
            snapshots=(
                LockedSnapshot(C, Digest("3" * 64), 30),
                LockedSnapshot(A, Digest("1" * 64), 10),
                LockedSnapshot(B, Digest("2" * 64), 20),
            ),
        ),
    ),
    checkpoints=(LockedCheckpoint(URL, Digest("e" * 64), 5),),
)
TEXT = f"""\
{{
  "checkpoints": {{
    "{URL}": {{"sha256": "{"e" * 64}", "size": 5}}
  }},
  "repos": {{
    "pytorch/vision": {{
      "default_branch": "main",
      "refs": {{
        "HEAD": [
          {{"commit": "{C}", "kind": "branch", "name": "main"}}
        ],
        "old/*": [],
        "v0.1?.*": [
          {{"commit": "{A}", "kind": "tag", "name": "v0.10.0"}},
          {{"commit": "{B}", "kind": "tag", "name": "v0.11.0"}}
        ]
      }},
      "snapshots": {{
        "{A}": {{"sha256": "{"1" * 64}", "size": 10}},
        "{B}": {{"sha256": "{"2" * 64}", "size": 20}},
        "{C}": {{"sha256": "{"3" * 64}", "size": 30}}
      }},
      "url": "https://github.com/pytorch/vision"
    }}
  }},
  "source": "vision",
  "version": 1
}}
"""

words = st.text(st.characters(codec="utf-8"), max_size=12)
commits = st.text("0123456789abcdef", min_size=40, max_size=40)
digests = st.binary(min_size=32, max_size=32).map(lambda raw: Digest(raw.hex()))
sizes = st.integers(0, 2**63)
rows = st.builds(RefRow, words, st.sampled_from(RefKind), commits)
requests = st.builds(LockedRequest, words, st.lists(rows, max_size=3).map(tuple))
snapshots = st.builds(LockedSnapshot, commits, digests, sizes)
secretless = words.map(lambda word: f"https://h.example/{word.replace('?', '')}")
names = st.lists(words, max_size=3).map(tuple)
addresses = st.lists(secretless, max_size=3).map(tuple)
specs = st.lists(words.map(lambda word: f"owner/name:{word}"), max_size=3).map(tuple)
entrypoints = st.builds(
    LockedEntrypoint, words, commits, addresses, specs, addresses, st.none() | digests, names
)
repos = st.builds(
    LockedRepo,
    st.from_regex(r"[a-z0-9]{1,5}/[a-z0-9]{1,5}", fullmatch=True),
    secretless,
    words,
    st.lists(requests, max_size=3, unique_by=lambda request: request.ref).map(tuple),
    st.lists(snapshots, max_size=3, unique_by=lambda snapshot: snapshot.commit).map(tuple),
    st.just("") | secretless,
    st.lists(entrypoints, max_size=3, unique_by=lambda one: one.call).map(tuple),
)
checkpoints = st.builds(
    LockedCheckpoint, words.map(lambda word: f"https://h.example/{word}"), digests, sizes
)
locks = st.builds(
    Lock,
    words,
    st.lists(repos, max_size=3, unique_by=lambda repo: repo.key).map(tuple),
    st.lists(checkpoints, max_size=3, unique_by=lambda row: row.url).map(tuple),
)


@given(locks)
def test_a_lock_survives_being_written_and_read(lock: Lock) -> None:
    text = lock.encode()

    assert parse_lock(text, file="x") == lock
    assert parse_lock(text, file="x").encode() == text
    assert json.dumps(json.loads(text)) == json.dumps(json.loads(text), sort_keys=True)


def test_a_lock_has_one_line_for_each_pinned_thing_in_order() -> None:
    assert LOCK.encode() == TEXT


TRACED = LockedEntrypoint(
    call="resnet18(pretrained=True)",
    commit=A,
    urls=("https://h.example/y.pth", URL, URL),
    repos=("other/repo:main",),
    absent=("https://h.example/gone",),
    result=Digest("5" * 64),
)
TRACED_TEXT = f"""\
      "entrypoints": {{
        "resnet18(pretrained=True)": {{
          "absent": [
            "https://h.example/gone"
          ],
          "commit": "{A}",
          "incomplete": [],
          "repos": [
            "other/repo:main"
          ],
          "result": "{"5" * 64}",
          "urls": [
            "{URL}",
            "https://h.example/y.pth"
          ]
        }}
      }},
"""


def test_what_a_trace_saw_is_written_one_line_for_each_thing() -> None:
    traced = replace(LOCK, repos=(replace(LOCK.repos[0], entrypoints=(TRACED,)),))

    text = traced.encode()

    assert text == TEXT.replace('      "refs": {\n', f'{TRACED_TEXT}      "refs": {{\n')
    assert parse_lock(text, file="x") == traced


def test_a_lock_answers_for_an_entrypoint() -> None:
    repo = replace(LOCK.repos[0], entrypoints=(TRACED,))

    assert repo.entrypoint("resnet18(pretrained=True)") == TRACED
    assert repo.entrypoint("resnet18()") is None


@pytest.mark.parametrize(
    ("written", "read", "expected"),
    [
        (f'"{A}",\n          "inc', '"main",\n          "inc', "commit: expected 40 hex digits, got 'main'"),
        ("5" * 64, "5", "result: expected 64 hex digits in lower case, got '5'"),
        ('"other/repo:main"', '"other"', " not a repo name: expected owner/name, got 'other'"),
        ('"other/repo:main"', "1", "repos.0: expected text, got 1"),
        ("https://h.example/gone", "https://u:p@h.example/gone", " a user name, password or token in a URL is not allowed"),
        ('"incomplete"', '"unfinished"', " unknown key 'unfinished'"),
    ],
)  # fmt: skip
def test_a_trace_that_is_not_whole_is_refused_with_the_place(
    written: str, read: str, expected: str
) -> None:
    text = replace(LOCK, repos=(replace(LOCK.repos[0], entrypoints=(TRACED,)),)).encode()

    with pytest.raises(InvalidInputError) as caught:
        parse_lock(text.replace(written, read, 1), file="m.lock")

    assert "entrypoints['resnet18(pretrained=True)']" in caught.value.message
    assert expected in caught.value.message


def test_an_empty_lock_is_a_lock() -> None:
    text = '{\n  "checkpoints": {},\n  "repos": {},\n  "source": "x",\n  "version": 1\n}\n'

    assert Lock("x").encode() == text
    assert parse_lock(text, file="x") == Lock("x")


def test_a_lock_answers_for_a_url_a_repo_a_ref_and_a_commit() -> None:
    repo = LOCK.repo(RepoKey.parse("PyTorch/Vision"))

    assert repo is LOCK.repos[0]
    assert repo.rows("HEAD") == (RefRow("main", RefKind.BRANCH, C),)
    assert repo.rows("old/*") == ()
    assert repo.rows("v9") is None
    assert repo.snapshot(B) == LockedSnapshot(B, Digest("2" * 64), 20)
    assert repo.snapshot("d" * 40) is None
    assert LOCK.checkpoint(URL) == LOCK.checkpoints[0]
    assert LOCK.checkpoint(f"{URL}?") is None
    assert LOCK.repo(RepoKey.parse("a/b")) is None


def test_one_url_cannot_be_locked_to_two_digests() -> None:
    rows = (LOCK.checkpoints[0], LockedCheckpoint(URL, Digest("f" * 64), 5))

    with pytest.raises(InvalidInputError, match="cannot be locked to two different things"):
        Lock("x", (), rows)


def test_a_forgotten_url_is_gone_and_nothing_else() -> None:
    assert LOCK.without(URL) == Lock("vision", LOCK.repos)


def test_a_forgotten_repo_is_gone_and_nothing_else() -> None:
    assert LOCK.without("PyTorch/vision") == Lock("vision", (), LOCK.checkpoints)


def test_a_forgotten_ref_takes_the_snapshots_that_only_it_needed() -> None:
    repo = LOCK.without("pytorch/vision:v0.1?.*").repos[0]

    assert [request.ref for request in repo.requests] == ["HEAD", "old/*"]
    assert [snapshot.commit for snapshot in repo.snapshots] == [C]


@pytest.mark.parametrize("wanted", ["https://x", "a/b", "pytorch/vision:v9", "", "../x"])
def test_forgetting_what_is_not_locked_is_said(wanted: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        LOCK.without(wanted)

    assert caught.value.message == f"{wanted!r} is not in the lock of 'vision'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "m.lock:1:1: empty"),
        ("{", "m.lock:1:2: not JSON: Expecting property name enclosed in double quotes"),
        ("[" * 100_000, "m.lock: not the JSON of a lock"),
        ("[]", "m.lock: expected {...}, got [...]"),
        ("{}", "m.lock: 'version' is missing"),
        (TEXT.replace('"version": 1', '"version": "1"'), "m.lock: version: expected a whole number, got '1'"),
        (TEXT.replace('"source"', '"sauce"'), "m.lock: unknown key 'sauce'; the keys here are checkpoints, repos, source, version"),
        (TEXT.replace('"source": "vision"', '"source": null'), "m.lock: source: expected text, got null"),
        (TEXT.replace('"size": 5', '"size": -5'), f"m.lock: checkpoints['{URL}'].size: expected a whole number, got -5"),
        (TEXT.replace('"size": 5', '"size": true'), f"m.lock: checkpoints['{URL}'].size: expected a whole number, got true"),
        (TEXT.replace("e" * 64, "E" * 64), f"m.lock: checkpoints['{URL}'].sha256: expected 64 hex digits in lower case, got '{'E' * 64}'"),
        (TEXT.replace('"kind": "branch"', '"kind": "twig"'), "m.lock: repos['pytorch/vision'].refs.HEAD.0.kind: expected one of branch, tag, commit, got 'twig'"),
        (TEXT.replace(f'"commit": "{C}"', '"commit": "main"'), "m.lock: repos['pytorch/vision'].refs.HEAD.0.commit: expected 40 hex digits, got 'main'"),
        (TEXT.replace(f'"{B}": ', '"v1": '), "m.lock: repos['pytorch/vision'].snapshots.v1: expected a commit of 40 hex digits as its key, got 'v1'"),
        (TEXT.replace('"old/*": []', '"old/*": {}'), "m.lock: repos['pytorch/vision'].refs['old/*']: expected [...], got {...}"),
        (TEXT.replace('"pytorch/vision"', '"vision"'), "m.lock: repos.vision: not a repo name: expected owner/name, got 'vision'"),
        (TEXT.replace('"old/*"', '"HEAD"'), "m.lock: 'HEAD' is there twice (lines 9, 12)"),
    ],
)  # fmt: skip
def test_a_lock_that_is_not_whole_is_refused_with_the_place(text: str, expected: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_lock(text, file="m.lock")

    assert caught.value.message == f"m.lock: not a valid lock:\n{expected}"
    assert caught.value.hint == (
        "locks are written by `hubmirror sync` and not by hand: take the file from git again, "
        "or remove it: sync goes on from what it last published"
    )


def test_a_merge_conflict_is_called_one() -> None:
    text = TEXT.replace('  "source"', '<<<<<<< HEAD\n  "source"')

    with pytest.raises(InvalidInputError) as caught:
        parse_lock(text, file="m.lock")

    assert caught.value.message == "m.lock:26: the lock has merge conflicts (<<<<<<<)"
    assert "run `hubmirror sync`" in caught.value.hint


def test_a_lock_of_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_lock('{"version": 2, "things": []}', file="m.lock")

    assert caught.value.message == (
        "m.lock: lock version 2 needs a newer hubmirror; this one, 0.1.0, reads version 1"
    )


def test_a_lock_is_read_whatever_git_did_to_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml.lock"
    path.write_bytes(b"\xef\xbb\xbf" + LOCK.encode().replace("\n", "\r\n").encode())

    assert read_lock(path) == LOCK


def test_an_absent_lock_is_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "m.yaml.lock") is None


def test_a_lock_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml.lock"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(InvalidInputError, match="not UTF-8 text"):
        read_lock(path)


def test_a_lock_is_beside_its_manifest_or_in_the_folder_of_locks() -> None:
    manifest = Path("team/vision.yaml")

    assert lock_path(manifest) == Path("team/vision.yaml.lock")
    assert lock_path(manifest, Path("/var/locks")) == Path("/var/locks/vision.yaml.lock")


@pytest.mark.parametrize("module", ["lock", "reading"])
def test_neither_module_costs_pydantic(module: str) -> None:
    code = (
        f"import sys, hubmirror.manifest.{module}\n"
        "loaded = {'pydantic', 'yaml'} & set(sys.modules)\n"
        f"sys.exit(bool(loaded - {{'yaml'}} or (loaded and '{module}' == 'lock')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
