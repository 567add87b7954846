"""What is said of a bundle after it was carried, on either side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubmirror.carry.answering import acknowledge, give_up, take_receipt
from hubmirror.carry.receipts import Receipt, Tally, VerifiedBy
from hubmirror.errors import NotFoundError, RefusedError, VerificationError
from hubmirror.exports import Export, ExportState, record, recorded
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.cli.shell import flip
from tests.samples import CONTENTS, MODES, holdings, published_mirror, unit

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FAR = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
ORIGIN = "11111111-2222-3333-4444-555555555555"
PUBLICATION = Digest.of(b"publication")


# --- the far side -----------------------------------------------------------------------


def test_a_receipt_says_what_readers_see(tmp_path: Path) -> None:
    mirror, done = published_mirror(tmp_path / "mirror")

    receipt = take_receipt(mirror, now=NOW)

    assert receipt == Receipt(
        mirror=mirror.id,
        origin=mirror.id,
        sequence=1,
        publication=done.digest,
        verified_at="2026-11-25T12:00:00+00:00",
        verified_by=VerifiedBy.SIZE,
        blobs=5,
        size_bytes=24 + done.publication.catalog.size_bytes,
        extra=Tally.of([Digest.of(b"more weights")], most=0),
    )


@pytest.mark.parametrize("content", [b"", b"longer than it was"], ids=["gone", "of-another-size"])
def test_a_blob_that_is_not_there_is_missing(tmp_path: Path, content: bytes) -> None:
    mirror, _ = published_mirror(tmp_path / "mirror")
    path = mirror.blobs.path(Digest.of(b"weights"))
    path.unlink()
    if content:
        path.write_bytes(content)

    receipt = take_receipt(mirror, now=NOW)

    assert receipt.missing.digests == (Digest.of(b"weights"),)


@pytest.mark.parametrize("is_hashed", [False, True])
def test_only_hashing_sees_damage_that_keeps_the_size(tmp_path: Path, is_hashed: bool) -> None:
    mirror, _ = published_mirror(tmp_path / "mirror")
    flip(mirror.blobs.path(Digest.of(b"weights")))

    receipt = take_receipt(mirror, now=NOW, is_hashed=is_hashed)

    assert receipt.missing.count == int(is_hashed)
    assert receipt.verified_by is (VerifiedBy.SHA256 if is_hashed else VerifiedBy.SIZE)


def test_the_first_few_missing_are_named_and_all_of_them_in_full(tmp_path: Path) -> None:
    mirror, _ = published_mirror(tmp_path / "mirror", holdings(unit("one"), unit("two")))
    for content in CONTENTS:
        mirror.blobs.path(Digest.of(content)).unlink()
    for number in range(5):
        name = mirror.blobs.path(Digest.of(bytes([number])))
        name.parent.mkdir(exist_ok=True)
        name.write_bytes(b"extra")

    short = take_receipt(mirror, now=NOW)
    full = take_receipt(mirror, now=NOW, is_full=True)

    assert (short.missing.count, len(short.missing.digests), len(short.extra.digests)) == (4, 4, 0)
    assert (full.missing, full.extra.short) == (short.missing, short.extra.short)
    assert set(full.extra.digests) == {Digest.of(bytes([number])) for number in range(5)}


def test_before_the_first_publication_there_is_no_receipt(tmp_path: Path) -> None:
    mirror = Mirror.create(tmp_path / "mirror", MODES)

    with pytest.raises(NotFoundError, match="nothing is published yet"):
        take_receipt(mirror, now=NOW)


def test_a_damaged_catalog_gives_no_receipt(tmp_path: Path) -> None:
    mirror, done = published_mirror(tmp_path / "mirror")
    flip(mirror.blobs.path(done.publication.catalog.digest))

    with pytest.raises(VerificationError, match="expected sha256"):
        take_receipt(mirror, now=NOW)


# --- this side --------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path) -> StateLayout:
    return StateLayout(tmp_path)


def export(name: str = "11111111-000042-9f86d081", destination: str = "") -> Export:
    return Export(
        bundle=Digest.of(name.encode()),
        name=name,
        publication=PUBLICATION,
        view=None,
        origin=ORIGIN,
        sequence=42,
        base="nothing",
        destination=destination,
        parts=3,
        blobs=20,
        size_bytes=4096,
        created_at="2026-11-20T12:00:00+00:00",
    )


RECEIPT = Receipt(
    mirror=FAR,
    origin=ORIGIN,
    sequence=42,
    publication=PUBLICATION,
    verified_at="2026-11-25T12:00:00+00:00",
    verified_by=VerifiedBy.SIZE,
    blobs=20,
    size_bytes=4096,
)


def states(state: StateLayout) -> dict[str, ExportState]:
    return {one.name: one.state for one in recorded(state)}


def test_a_receipt_acknowledges_the_bundle_of_its_publication(state: StateLayout) -> None:
    record(state, export())
    record(state, replace(export("other"), publication=Digest.of(b"other")))

    (done,) = acknowledge(state, RECEIPT, now=NOW)

    assert states(state) == {done.name: ExportState.ACKNOWLEDGED, "other": ExportState.CARRIED}
    assert (done.arrived_in, done.answered_at) == (FAR, "2026-11-25T12:00:00+00:00")


def test_a_receipt_of_a_view_acknowledges_the_view(state: StateLayout) -> None:
    view = Digest.of(b"view")
    record(state, replace(export(), view=view))

    acknowledge(state, replace(RECEIPT, publication=view), now=NOW)
    with pytest.raises(NotFoundError):
        acknowledge(state, RECEIPT, now=NOW)


def test_a_bundle_for_another_mirror_is_not_acknowledged(state: StateLayout) -> None:
    record(state, export("for-far", FAR))
    record(state, export("for-other", ORIGIN))

    acknowledge(state, RECEIPT, now=NOW)

    assert states(state) == {
        "for-far": ExportState.ACKNOWLEDGED,
        "for-other": ExportState.CARRIED,
    }


def test_a_receipt_of_a_mirror_that_nothing_was_made_for_is_refused(state: StateLayout) -> None:
    record(state, export(destination=ORIGIN))

    with pytest.raises(NotFoundError, match=f"was made for {ORIGIN}"):
        acknowledge(state, RECEIPT, now=NOW)


def test_a_receipt_of_what_was_never_exported_is_refused(state: StateLayout) -> None:
    with pytest.raises(NotFoundError, match=r"sequence 42 of origin .* is recorded here"):
        acknowledge(state, RECEIPT, now=NOW)


def test_a_far_side_that_misses_something_acknowledges_nothing(state: StateLayout) -> None:
    record(state, export())
    lacking = replace(RECEIPT, missing=Tally.of([Digest.of(b"weights")]))

    with pytest.raises(VerificationError, match="misses 1 of 20 blobs") as caught:
        acknowledge(state, lacking, now=NOW)

    assert "hubmirror have" in caught.value.hint
    assert set(states(state).values()) == {ExportState.CARRIED}


def test_a_second_receipt_changes_nothing(state: StateLayout) -> None:
    record(state, export())
    first = acknowledge(state, RECEIPT, now=NOW)

    second = acknowledge(state, RECEIPT, now=datetime(2027, 1, 1, tzinfo=UTC))

    assert second == first
    assert recorded(state) == tuple(first)


def test_what_was_lost_and_turned_up_is_acknowledged(state: StateLayout) -> None:
    record(state, export().answered(ExportState.LOST, NOW))

    acknowledge(state, RECEIPT, now=NOW)

    assert set(states(state).values()) == {ExportState.ACKNOWLEDGED}


@pytest.mark.parametrize(
    "called",
    [
        "11111111-000042-9f86d081",
        "11111111-000042-9F86D081.BUNDLE-002.TAR",
        export().bundle.hex,
        export().bundle.hex[:6],
    ],
    ids=["name", "part", "id", "digits"],
)
def test_a_bundle_is_given_up_by_any_of_its_names(state: StateLayout, called: str) -> None:
    record(state, export())

    assert give_up(state, called, now=NOW).state is ExportState.LOST
    assert set(states(state).values()) == {ExportState.LOST}


@pytest.mark.parametrize("called", ["", "1111", "nothing"])
def test_a_bundle_that_is_not_known_is_not_given_up(state: StateLayout, called: str) -> None:
    record(state, export())

    with pytest.raises(NotFoundError, match="0 bundles are called"):
        give_up(state, called, now=NOW)


def test_what_has_arrived_cannot_be_lost(state: StateLayout) -> None:
    record(state, export())
    acknowledge(state, RECEIPT, now=NOW)

    with pytest.raises(RefusedError, match=f"mirror {FAR} acknowledged it"):
        give_up(state, export().name, now=NOW)
