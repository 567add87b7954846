"""Who may write a mirror, and what a second writer is told."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror import files, filesystem, layout, writer
from hubmirror.errors import LockedError, RefusedError, StorageError, VerificationError
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.writer import Turn, pointing, writing
from hubmirror.writer_file import Hold, Host, WriterFile
from tests.samples import MODES

OTHER = Host("0" * 32, "elsewhere")


def settings(tmp_path: Path) -> Settings:
    return Settings.load(mirror=str(tmp_path / "mirror"), state=str(tmp_path / "state"))


def test_the_first_writer_leaves_the_name_of_its_host(tmp_path: Path) -> None:
    with writing(settings(tmp_path), Turn("sync")):
        pass

    assert WriterFile.read(tmp_path / "mirror").host == Host.this()


def test_another_host_is_refused_by_name_until_it_takes_over(tmp_path: Path) -> None:
    mine = settings(tmp_path)
    Mirror.create(tmp_path / "mirror", MODES).close()
    held = WriterFile(OTHER, Hold("2026-11-25T00:00:00+00:00", "why"))
    held.write(tmp_path / "mirror", MODES)

    with pytest.raises(RefusedError, match="written by host elsewhere, this is"):
        writing(mine, Turn("sync")).__enter__()
    with pytest.raises(RefusedError, match="written by host elsewhere"):
        pointing(mine, Turn("rollback")).__enter__()
    with writing(mine, Turn("sync", is_taking_over=True)):
        pass
    with writing(mine, Turn("sync")):
        pass

    assert WriterFile.read(tmp_path / "mirror") == replace(held, host=Host.this())


def test_a_host_that_was_renamed_is_the_same_host(tmp_path: Path) -> None:
    Mirror.create(tmp_path / "mirror", MODES).close()
    WriterFile(replace(Host.this(), name="before")).write(tmp_path / "mirror", MODES)

    with writing(settings(tmp_path)):
        pass

    assert WriterFile.read(tmp_path / "mirror").host == Host.this()


def test_a_machine_is_known_by_its_id_and_else_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("0123456789abcdef\n")

    with_id, without = Host.this(tmp_path / "id"), Host.this(tmp_path / "none")

    assert with_id.id != without.id
    assert "0123456789abcdef" not in with_id.id
    assert without == Host.this(tmp_path / "none")


def test_a_file_of_writers_survives_writing(tmp_path: Path) -> None:
    Mirror.create(tmp_path, MODES).close()
    whole = WriterFile(OTHER, Hold("2026-11-25T00:00:00+00:00", "why"), {})

    whole.write(tmp_path, MODES)

    assert WriterFile.read(tmp_path) == whole


def test_a_torn_file_of_writers_is_no_leave_to_publish(tmp_path: Path) -> None:
    Mirror.create(tmp_path / "mirror", MODES).close()
    (tmp_path / "mirror" / layout.WRITER).write_text('{"held": tr')

    with pytest.raises(VerificationError, match="not a writer's file"):
        writing(settings(tmp_path)).__enter__()


def test_a_second_run_is_told_what_the_first_is_doing(tmp_path: Path) -> None:
    with writing(settings(tmp_path), Turn("sync")), pytest.raises(LockedError) as caught:
        writing(settings(tmp_path), Turn("import")).__enter__()

    assert caught.value.message.endswith(", sync")


def test_who_waits_gets_its_turn_when_the_other_is_done(tmp_path: Path) -> None:
    took_turn = threading.Event()

    def wait() -> None:
        with writing(settings(tmp_path), Turn("import", wait_s=30)):
            took_turn.set()

    with writing(settings(tmp_path), Turn("sync")):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not took_turn.is_set()
    waiting.join(30)

    assert took_turn.is_set()


def test_who_waited_long_enough_is_told_all_the_same(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    with files.exclusive(lock, "sync"), pytest.raises(LockedError, match=", sync"):
        files.exclusive(lock, wait_s=0.01).__enter__()


def test_a_pointer_changes_while_a_run_is_at_work(tmp_path: Path) -> None:
    mine = settings(tmp_path)

    with writing(mine, Turn("sync")), pointing(mine, Turn("rollback")) as desk:
        assert desk.mirror.root == tmp_path / "mirror"


def test_a_file_system_that_fails_a_trial_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(filesystem, "TRIALS", {"hard links": refused})
    with Mirror.create(tmp_path, MODES) as mirror:
        writer.refuse_file_system(mirror, "ext4")
        with pytest.raises(StorageError, match=r"\(fuse.odd\) .* hard links: Operation not"):
            writer.refuse_file_system(mirror, "fuse.odd")
