"""``have``: what a far side has, as the connected side reads it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror import layout
from hubmirror.carry.having import Having, take_stock
from hubmirror.errors import FormatError, VerificationError
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.cli.shell import flip
from tests.samples import CONTENTS, MODES, published_mirror

MIRROR = "11111111-2222-3333-4444-555555555555"
EMPTY = Having(MIRROR, None, "", 0, frozenset())


@given(st.frozensets(st.binary(max_size=8).map(Digest.of)))
def test_what_is_written_is_what_is_read(digests: frozenset[Digest]) -> None:
    having = Having(MIRROR, Digest.of(b"publication"), MIRROR, 7, digests)

    text = having.encode()

    assert Having.decode(text.encode(), where="have.json") == having
    assert text.isprintable()
    assert text.isascii()


def test_a_mirror_without_a_publication_has_one_to_say_so() -> None:
    assert Having.decode(EMPTY.encode().encode(), where="have.json") == EMPTY


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"blobs": "AAAA"}, "not whole"),
        ({"blobs": "A" * 86 + "=="}, "not in order"),
        ({"blobs": "?"}, "not what `hubmirror have` prints"),
        ({"publication": "1234"}, "64 hex digits"),
        ({"sequence": None}, "not what `hubmirror have` prints"),
        ({"blobs": None}, "not what `hubmirror have` prints"),
    ],
)
def test_a_document_that_is_not_whole_is_refused(change: dict[str, object], said: str) -> None:
    fields = json.loads(EMPTY.encode()) | change

    with pytest.raises(VerificationError, match=said):
        Having.decode(json.dumps(fields).encode(), where="have.json")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"3", b"\xff", EMPTY.encode()[:-9].encode()]
)
def test_what_is_no_such_document_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(VerificationError, match=r"have\.json"):
        Having.decode(content, where="have.json")


def test_a_newer_document_is_refused_by_name() -> None:
    content = EMPTY.encode().replace('"min_reader": 1', '"min_reader": 2').encode()

    with pytest.raises(FormatError, match=r"have\.json: needs a reader of format 2"):
        Having.decode(content, where="have.json")


def test_a_mirror_has_its_blobs_and_what_serves(tmp_path: Path) -> None:
    mirror, done = published_mirror(tmp_path / "mirror")

    having = take_stock(mirror)

    catalog = done.publication.catalog.digest
    assert having.digests == {catalog, *map(Digest.of, CONTENTS)}
    assert (having.mirror, having.publication) == (mirror.id, done.digest)
    assert (having.origin, having.sequence) == (mirror.id, 1)


def test_a_blob_of_another_size_is_not_there(tmp_path: Path) -> None:
    mirror, _ = published_mirror(tmp_path / "mirror")
    path = mirror.blobs.path(Digest.of(b"weights"))
    path.chmod(0o644)
    path.write_bytes(b"weigh")

    assert Digest.of(b"weights") not in take_stock(mirror).digests


def test_a_blob_that_no_publication_names_is_there(tmp_path: Path) -> None:
    mirror = Mirror.create(tmp_path / "mirror", MODES)
    arrived = mirror.incoming / "arrived"
    arrived.write_bytes(b"of an unfinished import")
    digest = Digest.of(b"of an unfinished import")
    mirror.blobs.add(arrived, digest, MODES)

    assert take_stock(mirror) == Having(mirror.id, None, "", 0, frozenset({digest}))


def test_what_was_damaged_when_it_was_read_is_not_there(tmp_path: Path) -> None:
    mirror, _ = published_mirror(tmp_path / "mirror")
    damaged = Digest.of(b"weights")

    having = take_stock(mirror, known_bad=frozenset({damaged}))

    assert take_stock(mirror).digests - having.digests == {damaged}


def test_what_is_no_blob_is_passed_over(tmp_path: Path) -> None:
    mirror, _ = published_mirror(tmp_path / "mirror")
    before = take_stock(mirror)
    blob = mirror.blobs.path(Digest.of(b"weights"))
    blob.with_name("readme.txt").write_text("not a blob")
    blob.with_name("0" * 64).symlink_to(blob)

    assert take_stock(mirror) == before


def test_a_damaged_catalog_is_not_there_and_all_else_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirror, done = published_mirror(tmp_path / "mirror")
    catalog = done.publication.catalog.digest
    flip(mirror.blobs.path(catalog))

    with caplog.at_level(logging.WARNING):
        having = take_stock(mirror)

    assert having.digests == set(map(Digest.of, CONTENTS))
    assert having.publication is None
    assert f"expected sha256 {catalog}" in caplog.text


def test_a_damaged_publication_hides_no_blob(tmp_path: Path) -> None:
    mirror, done = published_mirror(tmp_path / "mirror")
    flip(mirror.root / layout.publication(done.digest))

    having = take_stock(mirror)

    assert having.publication is None
    assert len(having.digests) == len(CONTENTS) + 1
