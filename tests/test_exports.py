"""Records of exports: what was carried away, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubmirror.errors import VerificationError
from hubmirror.exports import Export, ExportState, record, recorded, unacknowledged
from hubmirror.layout import StateLayout
from hubmirror.records import Digest

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY_S = 86_400


@pytest.fixture
def state(tmp_path: Path) -> StateLayout:
    return StateLayout(tmp_path)


def export(name: str = "one", *, days_ago: int = 0) -> Export:
    return Export(
        bundle=Digest.of(name.encode()),
        name=name,
        publication=Digest.of(b"publication of " + name.encode()),
        view=None,
        origin="11111111-2222-3333-4444-555555555555",
        sequence=7,
        base="nothing",
        destination="",
        parts=3,
        blobs=20,
        size_bytes=4096,
        created_at=(NOW - timedelta(days=days_ago)).isoformat(),
    )


def test_what_is_recorded_is_what_is_read(state: StateLayout) -> None:
    old, new = export("b", days_ago=2), replace(export("a"), view=Digest.of(b"view"))

    record(state, new)
    record(state, old)

    assert recorded(state) == (old, new)


def test_nothing_is_recorded_before_the_first_export(state: StateLayout) -> None:
    assert recorded(state) == ()
    assert unacknowledged(state, now=NOW, grace_s=90 * DAY_S) == ()


def test_the_same_bundle_again_is_one_record(state: StateLayout) -> None:
    record(state, export(days_ago=5).answered(ExportState.LOST, NOW))

    record(state, export())

    assert recorded(state) == (export(),)


def test_what_is_on_its_way_is_kept_until_the_grace_is_over(state: StateLayout) -> None:
    young, old = export("young", days_ago=89), export("old", days_ago=91)
    record(state, young)
    record(state, old)

    kept = unacknowledged(state, now=NOW, grace_s=90 * DAY_S)

    assert kept == (young,)


@pytest.mark.parametrize("answer", [ExportState.ACKNOWLEDGED, ExportState.LOST])
def test_what_was_answered_is_not_kept(state: StateLayout, answer: ExportState) -> None:
    record(state, export().answered(answer, NOW))

    assert unacknowledged(state, now=NOW, grace_s=90 * DAY_S) == ()


def test_a_view_is_what_its_bundle_carries(state: StateLayout) -> None:
    whole, view = export(), replace(export(), view=Digest.of(b"view"))

    assert whole.carries == whole.publication
    assert view.carries == Digest.of(b"view")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", export().encode().replace(b"carried", b"eaten")]
)
def test_a_record_that_cannot_be_understood_is_named(state: StateLayout, content: bytes) -> None:
    state.exports.mkdir()
    (state.exports / "broken.json").write_bytes(content)

    with pytest.raises(VerificationError, match=r"broken\.json: not the record of an export"):
        recorded(state)
