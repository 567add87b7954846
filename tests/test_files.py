"""Durable writes: half of anything is never seen under its final name."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hubmirror import files
from hubmirror.errors import LockedError

MODES = files.Modes()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_staged_and_not_placed_is_gone(tmp_path: Path) -> None:
    with files.staged(tmp_path) as (stream, path):
        stream.write(b"half")
        assert path.exists()

    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), files.staged(tmp_path) as (stream, _):
        stream.write(b"half")
        raise ValueError("stop")

    assert list(tmp_path.iterdir()) == []


def test_placed_bytes_have_the_given_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with files.staged(tmp_path) as (stream, path):
            stream.write(b"whole")
            stream.flush()
            files.place(path, tmp_path / "a" / "b" / "name", mode=0o444, folder_mode=0o755)
    finally:
        os.umask(before)

    assert (tmp_path / "a" / "b" / "name").read_bytes() == b"whole"
    assert mode_of(tmp_path / "a" / "b" / "name") == 0o444
    assert mode_of(tmp_path / "a") == mode_of(tmp_path / "a" / "b") == 0o755


def test_a_name_that_is_taken_stays_as_it_was(tmp_path: Path) -> None:
    final = tmp_path / "name"
    final.write_bytes(b"first")

    with files.staged(tmp_path) as (stream, path):
        stream.write(b"second")
        stream.flush()
        placed = files.place_new(path, final, mode=0o644, folder_mode=0o755)

    assert not placed
    assert final.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [final]


def test_a_failed_fsync_discards_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with files.staged(tmp_path) as (stream, path):
        stream.write(b"doubtful")
        stream.flush()
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output error"):
            files.place(path, tmp_path / "name", mode=0o444, folder_mode=0o755)

    assert list(tmp_path.iterdir()) == []


def stage_many(folder: Path, number: int = 20) -> dict[Path, Path]:
    """Write files, and say which names among the blobs they shall get."""
    pairs = {}
    for one in range(number):
        path = folder / f"{one}"
        path.write_text(f"whole {one}")
        pairs[path] = folder / "blobs" / f"{one:02x}" / "name"
    return pairs


def test_many_files_get_their_names_between_two_flushes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = stage_many(tmp_path)
    seen = []

    def flush(_: Path) -> None:
        folders = sum(final.parent.is_dir() for final in pairs.values())
        seen.append((folders, sum(final.exists() for final in pairs.values())))

    monkeypatch.setattr(files, "_sync_file_system", flush)
    files.place_all(pairs, mode=0o444, folder_mode=0o755)

    assert seen == [(20, 0), (20, 20)]
    assert all(final.read_text().startswith("whole") for final in pairs.values())
    assert {mode_of(final) for final in pairs.values()} == {0o444}
    assert not any(path.exists() for path in pairs)


def test_a_failed_flush_discards_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = stage_many(tmp_path)

    def fail(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "_sync_file_system", fail)
    with pytest.raises(OSError, match="Input/output error"):
        files.place_all(pairs, mode=0o444, folder_mode=0o755)

    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_second_writer_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"

    with files.exclusive(lock), pytest.raises(LockedError) as caught, files.exclusive(lock):
        pass

    assert f"held by process {os.getpid()} on " in caught.value.message


def test_a_lock_can_be_taken_again_after_it_was_left(tmp_path: Path) -> None:
    for _ in range(2):
        with files.exclusive(tmp_path / "run.lock"):
            pass


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    program = (
        "import sys, time; from pathlib import Path; from hubmirror import files\n"
        "with files.exclusive(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockedError), files.exclusive(lock):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    with files.exclusive(lock):
        pass


def test_a_write_killed_at_any_step_shows_old_or_new_and_never_half(tmp_path: Path) -> None:
    final = tmp_path / "current.json"
    program = (
        "import os, sys; from pathlib import Path; from hubmirror import files\n"
        "folder, step = Path(sys.argv[1]), int(sys.argv[2])\n"
        "calls = 0\n"
        "def hook(event, arguments):\n"
        "    global calls\n"
        "    if event in ('open', 'os.rename', 'os.chmod', 'tempfile.mkstemp'):\n"
        "        calls += 1\n"
        "        if calls == step: os.kill(os.getpid(), 9)\n"
        "sys.addaudithook(hook)\n"
        "files.write(b'new' * 1000, folder / 'current.json', staging=folder, modes=files.Modes())\n"
    )
    seen = set()
    for step in range(1, 12):
        final.write_bytes(b"old")
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), str(step)], check=False
        )
        content = final.read_bytes()
        assert content in (b"old", b"new" * 1000)
        seen.add((done.returncode, content == b"old"))

    assert (-signal.SIGKILL, True) in seen
    assert (0, False) in seen
