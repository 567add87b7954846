"""A world for all tests of a module, and a copy of it for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repair.world import World
from tests.upstream import Upstream


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("repair")
    with Upstream(folder / "upstream") as upstream:
        yield World.make(folder / "host", upstream)


@pytest.fixture
def world(pristine: World, tmp_path: Path) -> World:
    return pristine.copy(tmp_path / "host")
