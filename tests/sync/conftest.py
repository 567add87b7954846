"""A connected host for each test of sync."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubmirror.upstream.http import HttpUpstream
from tests.writer import Writer


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    folder = tmp_path / "host"
    folder.mkdir()
    return Writer(folder)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries wait hundredths of a second, not halves."""
    original = HttpUpstream.__init__

    def hurried(self: HttpUpstream, **terms: Any) -> None:  # its own arguments, by name
        original(self, **{**terms, "first_wait_s": 0.01})

    monkeypatch.setattr(HttpUpstream, "__init__", hurried)
