"""Both sides of a gap: whoever carries something away, and whoever it is brought to."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.carry.far_side import CONTENTS, FarSide, content
from tests.carry.handmade import source_mirror
from tests.carry.sender import Sender


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    folder = tmp_path / "host"
    folder.mkdir()
    return Sender(folder)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """A mirror with two publications: the second one has one more checkpoint."""
    root = tmp_path_factory.mktemp("source") / "mirror"
    source_mirror(root, CONTENTS)
    source_mirror(root, CONTENTS | {"https://h.example/new.pth": content("new", 50_000)})
    return Mirror.open(root)


@pytest.fixture(scope="session")
def publications(source: Mirror) -> tuple[Digest, Digest]:
    """The first and the second publication of the source."""
    current = source.publications.current()
    second, first = source.publications.history(current)
    return first[0], second[0]


@pytest.fixture
def far(tmp_path: Path) -> FarSide:
    folder = tmp_path / "far"
    folder.mkdir()
    return FarSide(folder)
