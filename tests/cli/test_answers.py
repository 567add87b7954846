"""``have``, ``receipt`` and ``bundles``: what the two sides of a gap tell each other."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from hubmirror.carry.having import Having
from hubmirror.errors import ExitCode
from hubmirror.exports import Export, record
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.cli.shell import Shell, flip, keys
from tests.cli.test_reference import section
from tests.upstream import Upstream

NAME = "11111111-000001-9f86d081"


@pytest.fixture
def filled(shell: Shell, upstream: Upstream) -> Shell:
    """A mirror of one checkpoint."""
    url = upstream.put("/loose.pth", b"loose weights")
    shell.writer.sync(shell.writer.manifest(checkpoints=[{"url": url}]))
    return shell


@pytest.fixture
def exported(filled: Shell) -> Shell:
    """The same, with the record of an export of what it published."""
    with Mirror.open(filled.writer.root) as mirror:
        digest, publication = mirror.current()
    export = Export(
        bundle=Digest.of(b"bundle"),
        name=NAME,
        publication=digest,
        view=None,
        origin=publication.origin,
        sequence=publication.sequence,
        base="nothing",
        destination="",
        parts=3,
        blobs=2,
        size_bytes=4096,
        created_at=publication.created_at,
    )
    record(StateLayout(filled.writer.folder / "state"), export)
    return filled


def test_have_is_one_line_with_and_without_json(filled: Shell) -> None:
    plain, asked = filled("have"), filled("have", "--json")

    assert plain == asked
    assert plain.out.count("\n") == 1
    having = Having.decode(plain.out.encode(), where="stdout")
    assert {digest.hex for digest in having.digests} == filled.writer.blobs()


def test_have_leaves_out_what_the_last_verify_found_damaged(
    filled: Shell, upstream: Upstream
) -> None:
    blob = filled.blob(upstream.url("/loose.pth"))
    flip(blob)
    before = Having.decode(filled("have").out.encode(), where="stdout")
    filled("verify")

    after = Having.decode(filled("have").out.encode(), where="stdout")

    assert {digest.hex for digest in before.digests - after.digests} == {blob.name}


def test_a_receipt_is_a_text_and_a_document(filled: Shell) -> None:
    said = filled("receipt")
    document = filled.document("receipt", "--hash", "--full")

    assert (said.code, said.err) == (ExitCode.OK, "")
    assert said.out.startswith("hubmirror receipt 1\nmirror ")
    assert "\nby           size\n" in said.out
    assert document["verified_by"] == "sha256"
    assert "\nby           sha256\n" in document["text"]


def test_what_is_missing_is_named_and_ends_with_4(filled: Shell, upstream: Upstream) -> None:
    blob = filled.blob(upstream.url("/loose.pth"))
    flip(blob)

    said = filled("receipt", "--hash")

    assert said.code == ExitCode.VERIFICATION
    url = upstream.url("/loose.pth")
    assert said.err == f"missing or damaged: {blob.name} ({url})\n"
    assert "\nmissing      1 " in said.out


def test_bundles_are_listed_with_what_became_of_them(exported: Shell) -> None:
    head, row = exported("bundles").out.splitlines()

    assert " ".join(head.split()) == "BUNDLE PUBLICATION BASE PARTS BLOBS SIZE AGE STATE"
    assert row.split()[0] == NAME
    assert row.endswith("4.1 kB  0 minutes  carried")


def test_every_key_of_a_bundle_is_in_the_reference(exported: Shell) -> None:
    words = set(re.findall(r"`(?:bundles\[\]\.)?([a-z_]+)`", section("hubmirror bundles")))

    assert keys(exported.document("bundles")) - words == set()


def test_without_exports_there_is_nothing_to_list(filled: Shell) -> None:
    assert filled("bundles").out == "no bundle was made here\n"
    assert filled.document("bundles") == {"bundles": []}


def test_the_receipt_of_the_far_side_acknowledges_a_bundle(exported: Shell) -> None:
    receipt = exported.writer.folder / "receipt.txt"
    receipt.write_text(exported("receipt").out)

    said = exported("bundles", "acknowledge", receipt)

    assert said.code == ExitCode.OK
    mirror_id = json.loads((exported.writer.root / "hubmirror.json").read_text())["id"]
    assert said.out == f"{NAME}: acknowledged by {mirror_id}\n"
    (listed,) = exported.document("bundles")["bundles"]
    assert (listed["state"], listed["arrived_in"]) == ("acknowledged", mirror_id)


def test_a_receipt_may_come_through_a_pipe(
    exported: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = exported("receipt").out.upper()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    assert exported("bundles", "acknowledge", "-").code == ExitCode.OK


def test_a_mistyped_receipt_is_refused_and_nothing_is_acknowledged(exported: Shell) -> None:
    receipt = exported.writer.folder / "receipt.txt"
    receipt.write_text(exported("receipt").out.replace("sequence     1", "sequence     7"))

    said = exported("bundles", "acknowledge", receipt)

    assert said.code == ExitCode.VERIFICATION
    assert "mistyped, or not whole" in said.err
    assert exported.document("bundles")["bundles"][0]["state"] == "carried"


def test_a_lost_bundle_is_given_up(exported: Shell) -> None:
    said = exported("bundles", "lost", f"{NAME}.bundle-002.tar")

    assert (said.code, said.out) == (ExitCode.OK, f"{NAME}: lost\n")


def test_an_answer_says_what_it_wants(exported: Shell) -> None:
    said = exported("bundles", "acknowledge")

    assert said.code == ExitCode.USAGE
    assert "acknowledge: which receipt?" in said.err


def test_a_host_that_exported_nothing_has_nothing_to_answer(filled: Shell, tmp_path: Path) -> None:
    said = filled("bundles", "lost", NAME, "--state", tmp_path / "nowhere")

    assert said.code == ExitCode.NOT_FOUND
    assert "nothing was exported here" in said.err
    assert not (tmp_path / "nowhere").exists()
