"""The private folder of a node: where it is, and whom it is refused to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.hub import cache
from hubmirror.hub.cache import open_cache
from hubmirror.settings import Settings


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache._temporary_folder.cache_clear()
    yield
    cache._temporary_folder.cache_clear()


def is_temporary(folder: Path) -> bool:
    return folder.name.startswith("hubmirror-") and folder.stat().st_mode & 0o777 == 0o700


def test_the_named_folder_is_made_and_private(tmp_path: Path) -> None:
    folder = open_cache(Settings(cache=str(tmp_path / "a" / "b"), cache_home=str(tmp_path)))

    assert folder == tmp_path / "a" / "b"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_otherwise_the_users_own_cache_serves(tmp_path: Path) -> None:
    assert open_cache(Settings(cache_home=str(tmp_path))) == tmp_path / "hubmirror"


def test_without_a_home_a_temporary_folder_serves(caplog: pytest.LogCaptureFixture) -> None:
    first = open_cache(Settings())

    assert is_temporary(first)
    assert open_cache(Settings()) == first
    assert not caplog.records


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_folder_into_which_others_may_write_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    tmp_path.chmod(mode)

    assert is_temporary(open_cache(Settings(cache=str(tmp_path))))
    assert "others may write" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_belongs_to_somebody_else_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, 12345, -1)

    assert is_temporary(open_cache(Settings(cache=str(folder))))
    assert "belongs to user 12345" in caplog.text


def test_a_folder_that_cannot_be_made_is_no_reason_to_fail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()

    for _ in range(2):
        assert is_temporary(open_cache(Settings(cache=str(tmp_path / "file" / "cache"))))

    assert len(caplog.records) == 1
