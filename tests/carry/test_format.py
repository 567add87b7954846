"""The root and the lists of a bundle: one way to write each, and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.carry.format import Amount, Base, BaseKind, PartEntry, Root, canonical
from hubmirror.carry.members import (
    Member,
    MemberList,
    decode_required,
    encode_required,
)
from hubmirror.carry.names import parse_part_name, part_name
from hubmirror.errors import FormatError, VerificationError
from hubmirror.records import BlobRef, Digest

DIGESTS = st.binary(min_size=32, max_size=32).map(lambda raw: Digest(raw.hex()))
BLOBS = st.builds(BlobRef, DIGESTS, st.integers(0, 2**60))
ROOT = Root(
    origin="5f0c2a9e-0000-4000-8000-00000000abcd",
    sequence=12,
    publication=Digest.of(b"publication"),
    base=Base(BaseKind.SINCE, Digest.of(b"earlier")),
    required=Amount(3, 300),
    required_digest=Digest.of(b"required"),
    carried=Amount(2, 200),
    parts=(PartEntry(Digest.of(b"members"), 77, 4096),),
)
WHOLE = Member.whole(BlobRef(Digest.of(b"whole"), 5))
SEGMENT = Member(BlobRef(Digest.of(b"large"), 900), 100, 50, Digest.of(b"segment"))
LIST = MemberList(1, (WHOLE, SEGMENT))


def changed(content: bytes, *path: str | int, to: object) -> bytes:
    """Return a document with one value changed, written in the one way."""
    fields: Any = json.loads(content)
    place = fields
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_a_root_is_read_as_it_was_written() -> None:
    assert Root.decode(ROOT.encode(), where="root") == ROOT


def test_the_name_says_origin_sequence_and_bundle() -> None:
    assert ROOT.name == f"5f0c2a9e-000012-{ROOT.bundle.hex[:8]}"
    assert part_name(ROOT.name, 7) == f"{ROOT.name}.bundle-007.tar"
    assert parse_part_name(part_name(ROOT.name, 1234)) == (ROOT.name, 1234)
    assert parse_part_name(f"{ROOT.name}.bundle-007.tar.partial") is None


def test_a_bundle_may_be_called_otherwise_and_stays_the_same() -> None:
    called = replace(ROOT, label="vision-2026.11")

    assert Root.decode(called.encode(), where="root") == called
    assert (called.name, called.bundle) == ("vision-2026.11", ROOT.bundle)
    assert parse_part_name("vision-2026.11.bundle-001.tar") == ("vision-2026.11", 1)


def test_whatever_a_root_says_is_in_its_bundle_id() -> None:
    others = [
        replace(ROOT, sequence=13),
        replace(ROOT, base=Base()),
        replace(ROOT, required=Amount(4, 300)),
        replace(ROOT, parts=(*ROOT.parts, *ROOT.parts)),
    ]

    assert len({root.bundle for root in (ROOT, *others)}) == 5


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("sequence",), 13),
        (("sequence",), 12.0),
        (("sequence",), "12"),
        (("sequence",), -1),
        (("origin",), "../../etc"),
        (("publication",), Digest.of(b"publication").hex.upper()),
        (("base", "kind"), "rumour"),
        (("carries", "count"), True),
        (("requires", "size_bytes"), -5),
        (("parts",), []),
        (("parts", 0, "size_bytes"), 8192),
        (("parts", 0, "extra"), 1),
        (("extra",), 1),
        (("name",), "../escaped"),
        (("name",), "con"),
        (("name",), "Vision"),
        (("name",), "x" * 49),
        (("name",), 7),
        (("bundle",), Digest.of(b"another").hex),
    ],
)
def test_a_root_that_says_anything_else_is_refused(path: tuple[str | int, ...], to: object) -> None:
    with pytest.raises(VerificationError, match=r"^disc: not the root of a bundle"):
        Root.decode(changed(ROOT.encode(), *path, to=to), where="disc")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_root_is_refused(content: bytes) -> None:
    with pytest.raises(VerificationError, match="not the root of a bundle"):
        Root.decode(content, where="disc")


def test_a_root_written_in_another_way_is_refused() -> None:
    loose = json.dumps(json.loads(ROOT.encode())).encode()

    with pytest.raises(VerificationError, match="not the root of a bundle"):
        Root.decode(loose, where="disc")


def test_a_bundle_for_a_newer_reader_is_refused_by_name() -> None:
    with pytest.raises(FormatError, match="disc: needs a reader of bundle format 2") as caught:
        Root.decode(changed(ROOT.encode(), "min_reader", to=2), where="disc")

    assert "install a newer hubmirror" in caught.value.hint


def test_a_list_is_read_as_it_was_written() -> None:
    assert MemberList.decode(LIST.encode(), where="list") == LIST
    assert [member.name for member in LIST.members] == [
        f"blobs/sha256/{WHOLE.blob.digest.hex[:2]}/{WHOLE.blob.digest}",
        f"blobs/sha256/{SEGMENT.blob.digest.hex[:2]}/{SEGMENT.blob.digest}.0000000000000100",
    ]


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("members", 0, "name"), "../escaped"),
        (("members", 0, "name"), "/etc/passwd"),
        (("members", 0, "size_bytes"), -1),
        (("members", 1, "name"), WHOLE.name),
        (("members", 1, "offset"), 851),
        (("members", 1, "offset"), -1),
        (("members", 1, "size_bytes"), 0),
        (("members", 1, "size_bytes"), 900),
        (("members", 1, "blob_size_bytes"), 40),
        (("number",), 0.5),
        (("extra",), 1),
    ],
)
def test_a_list_that_says_anything_else_is_refused(path: tuple[str | int, ...], to: object) -> None:
    with pytest.raises(VerificationError, match=r"^part: not a list of members"):
        MemberList.decode(changed(LIST.encode(), *path, to=to), where="part")


def test_a_list_that_names_something_twice_is_refused() -> None:
    with pytest.raises(VerificationError, match="names something twice"):
        MemberList.decode(MemberList(1, (WHOLE, WHOLE)).encode(), where="part")


@given(BLOBS)
def test_a_whole_member_is_written_as_all_else_is(blob: BlobRef) -> None:
    member = Member.whole(blob)

    assert member.encode() + b"\n" == canonical(member.fields())


@given(st.sets(BLOBS))
def test_required_blobs_are_read_as_they_were_written(blobs: set[BlobRef]) -> None:
    assert decode_required(encode_required(blobs), where="part") == tuple(sorted(blobs))


@pytest.mark.parametrize(
    "content",
    [b"x" * 39, b"b" * 40 + b"a" * 40, b"a" * 80],
    ids=["cut off", "out of order", "twice"],
)
def test_a_list_of_required_blobs_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(VerificationError, match="part: not a list of required blobs"):
        decode_required(content, where="part")
