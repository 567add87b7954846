"""The text of receipts: what survives a person who types it, and what does not."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.carry.receipts import Receipt, Tally, VerifiedBy
from hubmirror.errors import FormatError, VerificationError
from hubmirror.records import Digest

DIGESTS = [Digest.of(bytes([number])) for number in range(200)]
RECEIPT = Receipt(
    mirror="1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    origin="11111111-2222-3333-4444-555555555555",
    sequence=42,
    publication=Digest.of(b"publication"),
    verified_at="2026-11-25T12:00:00+00:00",
    verified_by=VerifiedBy.SIZE,
    blobs=1203,
    size_bytes=18_400_000_000,
    missing=Tally.of(DIGESTS[:9], most=4),
    extra=Tally.of(DIGESTS[9:], most=0),
)


def read(text: str) -> Receipt:
    return Receipt.decode(text.encode(), where="receipt.txt")


@given(
    st.frozensets(st.sampled_from(DIGESTS)),
    st.frozensets(st.sampled_from(DIGESTS)),
    st.sampled_from([0, 4, None]),
    st.sampled_from(VerifiedBy),
)
def test_what_is_written_is_what_is_read(
    missing: frozenset[Digest], extra: frozenset[Digest], most: int | None, by: VerifiedBy
) -> None:
    receipt = replace(
        RECEIPT,
        missing=Tally.of(missing, most=most),
        extra=Tally.of(extra, most=most),
        verified_by=by,
    )

    assert read(receipt.encode()) == receipt


def test_a_receipt_is_printable_ascii_of_less_than_a_kilobyte() -> None:
    text = RECEIPT.encode()

    assert len(text) < 1000
    assert text.isascii()
    assert all(line.isprintable() for line in text.splitlines())
    assert max(map(len, text.splitlines())) <= 84


@pytest.mark.parametrize(
    "typed",
    [
        RECEIPT.encode().upper(),
        RECEIPT.encode().replace("\n", "\r\n"),
        RECEIPT.encode().replace("\n", "\n\n"),
        textwrap.indent(RECEIPT.encode(), "\t"),
        "\ufeff" + RECEIPT.encode(),
        RECEIPT.encode().replace(RECEIPT.publication.hex[:8] + " ", RECEIPT.publication.hex[:8]),
        RECEIPT.encode() + "-- \nThe operator of the offline site\n",
    ],
    ids=["upper-case", "crlf", "blank-lines", "indented", "bom", "ungrouped", "with-a-footer"],
)
def test_letter_case_blanks_and_what_follows_do_not_count(typed: str) -> None:
    assert read(typed) == RECEIPT


@pytest.mark.parametrize("number", range(1, len(RECEIPT.encode().splitlines())))
def test_a_mistyped_line_is_noticed(number: int) -> None:
    lines = RECEIPT.encode().splitlines()
    lines[number] = lines[number][:-1] + ("0" if lines[number][-1] != "0" else "1")

    with pytest.raises(VerificationError, match=r"^receipt\.txt: "):
        read("\n".join(lines))


@pytest.mark.parametrize("number", range(len(RECEIPT.encode().splitlines())))
def test_a_line_that_was_left_out_is_noticed(number: int) -> None:
    lines = RECEIPT.encode().splitlines()
    del lines[number]

    with pytest.raises(VerificationError, match=r"^receipt\.txt: "):
        read("\n".join(lines))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sequence     42", "sequence     4z", "line 'sequence': expected a number, got '4z'"),
        ("mirror       1b4e28ba", "mirror 1b4e28b", "line 'mirror': expected an id such as"),
        ("by           size", "by           guess", "line 'by': 'guess' is not a valid"),
        ("publication  ", "publication  00", "line 'publication': not a sha256"),
        ("blobs        1203\n", "", "it has no line 'blobs'"),
        ("missing      9", "missing      4", "line 'missing': 4 digests that give"),
    ],
)
def test_where_a_receipt_is_wrong_is_said(old: str, new: str, said: str) -> None:
    with pytest.raises(VerificationError) as caught:
        read(RECEIPT.encode().replace(old, new))

    assert said in caught.value.message


@pytest.mark.parametrize("content", [b"", b"\n", b"hubmirror", b"a letter\n", b"\xff\xfeh", b"\0"])
def test_what_is_no_receipt_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(VerificationError, match=r"receipt\.txt: not a receipt"):
        Receipt.decode(content, where="receipt.txt")


def test_a_newer_receipt_is_refused_by_name() -> None:
    with pytest.raises(FormatError, match="a receipt of format 2"):
        read(RECEIPT.encode().replace("receipt 1", "receipt 2"))


def test_a_line_that_only_a_newer_version_knows_is_passed_over() -> None:
    lines = RECEIPT.encode().splitlines()
    lines.insert(3, "weather      sunny")
    with pytest.raises(VerificationError) as caught:
        read("\n".join(lines))
    lines[-1] = f"check {caught.value.message.split()[-1]}"

    assert read("\n".join(lines)) == RECEIPT
