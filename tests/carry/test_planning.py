"""Which bytes go into which part: all, once, in parts that are never too large."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.carry import tar
from hubmirror.carry.cargo import Cargo, pack
from hubmirror.carry.format import Base, BaseKind
from hubmirror.carry.planning import PlannedPart, plan_parts
from hubmirror.errors import InvalidInputError
from hubmirror.publications import Counts, Publication
from hubmirror.records import BlobRef, Digest

SIZES = st.lists(st.one_of(st.integers(0, 3000), st.integers(0, 400_000)), max_size=25)


def blob(number: int, size: int) -> BlobRef:
    return BlobRef(Digest.of(b"%d" % number), size)


CATALOG, EVIDENCE = blob(-1, 700), blob(-2, 80)


def cargo(sizes: Sequence[int], *, required: int = 0) -> Cargo:
    publication = Publication(
        origin="5f0c2a9e-0000-4000-8000-00000000abcd",
        sequence=1,
        previous=None,
        catalog=CATALOG,
        content_digest=Digest.of(b"content"),
        created_at="2026-11-25T10:00:00+00:00",
        tool="hubmirror 0",
        counts=Counts(0, 0, 0, 0),
        evidence=EVIDENCE,
    )
    blobs = {blob(number, size) for number, size in enumerate(sizes)}
    there = {blob(1_000_000 + number, number) for number in range(required)}
    held = {one.digest for one in there}
    needed = {CATALOG, EVIDENCE, *blobs, *there}
    return pack(publication.encode(), needed, held=held, base=Base(BaseKind.HAVE))


def bytes_of(parts: Sequence[PlannedPart]) -> list[tuple[BlobRef, int, int]]:
    """Return the spans of each blob, joined where one follows the other."""
    spans = [span for part in parts for span in part.spans]
    found = []
    for one, of_it in itertools.groupby(spans, key=lambda span: span.blob):
        end = 0
        for span in of_it:
            assert span.offset == end
            end += span.length
        found.append((one, 0, end))
    return found


@given(SIZES, st.integers(100_000, 500_000), st.integers(0, 50))
def test_every_byte_is_in_one_part_and_no_part_is_too_large(
    sizes: list[int], part_bytes: int, required: int
) -> None:
    packed = cargo(sizes, required=required)

    parts = plan_parts(packed, part_bytes=part_bytes)

    assert bytes_of(parts) == [(one, 0, one.size_bytes) for one in packed.carried]
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert all(part.size_bytes <= part_bytes for part in parts)
    assert all(span.length > 0 or span.is_whole for part in parts for span in part.spans)


@given(SIZES, st.integers(100_000, 500_000))
def test_no_part_but_the_last_leaves_more_than_a_sixteenth_empty(
    sizes: list[int], part_bytes: int
) -> None:
    *full, _ = plan_parts(cargo(sizes), part_bytes=part_bytes)

    slack = 6 * tar.BLOCK_BYTES  # what the heads might have been, and the ends of blocks
    assert all(part.size_bytes >= part_bytes * 15 // 16 - slack for part in full)


@given(SIZES, st.integers(100_000, 500_000))
def test_the_same_cargo_is_laid_out_the_same(sizes: list[int], part_bytes: int) -> None:
    one, other = cargo(sizes), cargo(sizes)

    assert plan_parts(one, part_bytes=part_bytes) == plan_parts(other, part_bytes=part_bytes)


def test_the_publications_own_blobs_come_first_and_the_others_by_digest() -> None:
    packed = cargo([10, 20, 30, 40])

    (part,) = plan_parts(packed, part_bytes=100_000)

    first, second, *others = [span.blob for span in part.spans]
    assert {first, second} == {CATALOG, EVIDENCE}
    assert others == sorted(others)


def test_a_blob_that_fits_to_the_last_byte_is_not_cut() -> None:
    (whole,) = plan_parts(cargo([50_000]), part_bytes=10**6)

    exact = plan_parts(cargo([50_000]), part_bytes=whole.size_bytes)
    less = plan_parts(cargo([50_000]), part_bytes=whole.size_bytes - 1)

    assert exact == (whole,)
    assert len(less) == 2
    assert sum(not span.is_whole for part in less for span in part.spans) == 2


def test_a_small_rest_of_a_part_is_left_rather_than_cut_for() -> None:
    full, last = plan_parts(cargo([80_000, 80_000]), part_bytes=90_000)

    assert all(span.is_whole for part in (full, last) for span in part.spans)


def test_parts_over_8_gib_are_laid_out_too() -> None:
    packed = cargo([3 * 8**11])

    parts = plan_parts(packed, part_bytes=10 * 10**9)

    assert len(parts) == 3
    assert bytes_of(parts)[-1][2] == 3 * 8**11
    assert all(part.size_bytes <= 10 * 10**9 for part in parts)


@pytest.mark.parametrize(
    ("sizes", "required"), [([], 0), ([10_000], 0), ([10**8], 0), ([5], 2000), ([9] * 300, 0)]
)
def test_a_size_that_is_too_small_is_refused_with_the_least_that_would_do(
    sizes: list[int], required: int
) -> None:
    packed = cargo(sizes, required=required)

    with pytest.raises(InvalidInputError) as caught:
        plan_parts(packed, part_bytes=3000, reserved_bytes=1024)

    least = int(
        caught.value.message.rpartition("size is ")[2].removesuffix(" bytes").replace(",", "")
    )
    parts = plan_parts(packed, part_bytes=least, reserved_bytes=1024)
    assert all(part.size_bytes <= least - 1024 for part in parts)
    with pytest.raises(InvalidInputError):
        plan_parts(packed, part_bytes=least - 1, reserved_bytes=1024)


def test_what_is_held_is_required_and_nothing_is_both() -> None:
    packed = cargo([1, 2, 3], required=4)

    assert {one.size_bytes for one in packed.required} == {0, 1, 2, 3}
    assert not {*packed.required} & {*packed.carried}
    assert list(packed.required) == sorted(packed.required)
