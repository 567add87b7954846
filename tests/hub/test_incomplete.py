"""Weights that sync could not get: the reason is said where they are missed."""

from __future__ import annotations

from pathlib import Path

import pytest

import hubmirror
from hubmirror.errors import OfflineMissError
from hubmirror.records import UnitState
from tests.samples import holdings, published_mirror, unit


def test_a_checkpoint_that_sync_could_not_get_is_missed_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://h.example/w.pth"
    reason = f"{url}: HTTP 404 Not Found"
    lost = unit(name=url, state=UnitState.INCOMPLETE, reason=reason, repo=None, checkpoints=())
    published_mirror(tmp_path / "mirror", holdings(lost))[0].close()
    monkeypatch.setenv("HUBMIRROR", str(tmp_path / "mirror"))

    with pytest.raises(OfflineMissError) as caught:
        hubmirror.load_state_dict_from_url(url)

    assert f"{url}: wanted by a manifest, but not in" in caught.value.message
    assert caught.value.message.endswith(reason)
