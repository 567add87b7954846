"""What the stand-in's own tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upstream import Upstream
from tests.upstream.client import DATA


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Upstream]:
    """An upstream with one file, `/a`."""
    with Upstream(tmp_path / "upstream") as running:
        running.put("/a", DATA)
        yield running
