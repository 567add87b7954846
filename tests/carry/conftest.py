"""A connected side for each test that carries something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.carry.sender import Sender


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    folder = tmp_path / "host"
    folder.mkdir()
    return Sender(folder)
