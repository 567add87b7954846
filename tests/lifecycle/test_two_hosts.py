"""A writer and its readers on two mounts of one network file system, as on two hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror import filesystem
from hubmirror.errors import StorageError
from hubmirror.lifecycle.going_back import release
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.verify import verify
from tests.lifecycle.churn import Churn
from tests.lifecycle.crowd import Crowd
from tests.lifecycle.seaweed import SeaweedFs
from tests.lifecycle.site import TURN
from tests.upstream import Upstream
from tests.writer import Writer

pytestmark = pytest.mark.long


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """A host whose mirror will be a mount; its state is on a local disk, as it must be."""
    folder = tmp_path / "host"
    folder.mkdir()
    return Writer(folder)


@pytest.fixture
def elsewhere(tmp_path: Path, writer: Writer) -> Iterator[Path]:
    """The mirror as another host sees it."""
    other = tmp_path / "other" / "mirror"
    with SeaweedFs(tmp_path / "seaweed") as seaweed:
        seaweed.mount(writer.root)
        seaweed.mount(other)
        yield other


def test_a_thousand_readers_on_the_other_mount_see_whole_publications(
    writer: Writer, elsewhere: Path, upstream: Upstream
) -> None:
    churn = Churn(writer, upstream)

    with Crowd(elsewhere, processes=8, threads=125, life_s=19) as crowd:
        churned = churn.run(seconds=120, grace_s=30)
        seen = crowd.leave()

    assert seen.wrongs == ()
    assert seen.lives >= 1000
    assert churned.publications > 0
    assert churned.blobs > 0
    with Mirror.open(elsewhere) as mirror:
        assert verify(mirror).faults == ()


def test_the_file_system_passes_every_trial_and_is_known_as_shared(
    writer: Writer, elsewhere: Path
) -> None:
    kind = filesystem.kind_of(elsewhere)

    failed = filesystem.probe(writer.root)

    assert failed == ()
    assert kind in filesystem.NETWORK
    assert "writers on one host only" in filesystem.describe(kind)


def test_a_writer_does_not_keep_its_state_there(
    writer: Writer, elsewhere: Path, upstream: Upstream
) -> None:
    Churn(writer, upstream)
    settings = Settings.load(mirror=str(writer.root), state=str(elsewhere / "state"))

    with pytest.raises(StorageError, match="network file system"):
        release(settings, TURN)
