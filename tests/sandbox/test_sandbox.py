"""A sandbox: what a child sees, what it cannot do, and that nothing of it is left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.errors import StorageError
from hubmirror.sandbox import Child, Ended, Sandbox, landlock

OUTER = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HF_TOKEN": "hf_secret", "HOME": "/root"}

needs_landlock = pytest.mark.skipif(not landlock.version(), reason="a kernel without Landlock")


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return tmp_path / "boxes"


@pytest.fixture
def box(parent: Path) -> Iterator[Sandbox]:
    with Sandbox.opened(parent, OUTER) as opened:
        yield opened


def python(code: str, *words: object, **fields: bool | float) -> Child:
    argv = (sys.executable, "-c", code, *map(str, words))
    return Child(argv, timeout_s=fields.pop("timeout_s", 60), **fields)  # type: ignore[arg-type] # by name


def allows_namespaces(box: Sandbox) -> bool:
    try:
        return box.run(python("", in_namespace=True)).code == 0
    except StorageError:
        return False


# --- What a child sees ------------------------------------------------------------------


def test_a_child_starts_in_empty_folders_of_its_own(box: Sandbox) -> None:
    code = (
        "import os, pathlib, tempfile\n"
        "for path in (os.getcwd(), pathlib.Path.home(), tempfile.gettempdir()):\n"
        "    print(path, os.listdir(path))"
    )

    ended = box.run(python(code))

    folders = (box.folders.work, box.folders.home, box.folders.temporary)
    assert ended.output.splitlines() == [f"{folder} []" for folder in folders]


def test_a_child_sees_nothing_of_the_callers_secrets(box: Sandbox) -> None:
    ended = box.run(python("import os; print(sorted(os.environ))"))

    assert "LC_ALL" in ended.output
    assert "TOKEN" not in ended.output
    assert box.folders.variables(OUTER)["HOME"] == str(box.folders.home)


def test_a_child_has_no_stdin(box: Sandbox) -> None:
    assert box.run(python("import sys; print(repr(sys.stdin.read()))")).output == "''\n"


def test_what_a_child_says_is_kept_to_its_end_only(box: Sandbox) -> None:
    ended = box.run(python("import sys; print('x' * 200_000); print('last', file=sys.stderr)"))

    assert len(ended.output) == 64 * 1024
    assert ended.output.endswith("x\nlast\n")


@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)]
)
def test_the_owner_learns_how_a_child_ended(box: Sandbox, code: str, expected: int) -> None:
    ended = box.run(python(code))

    assert (ended.code, ended.timed_out) == (expected, False)


def test_a_command_that_is_not_there_is_said(box: Sandbox) -> None:
    with pytest.raises(StorageError, match="/nowhere: cannot be run in a sandbox here"):
        box.run(Child(("/nowhere",)))


def test_one_sandbox_runs_one_child_after_another(box: Sandbox) -> None:
    box.run(python("open('left', 'w').write('by the first')"))

    assert box.run(python("print(open('left').read())")).output == "by the first\n"


# --- What it cannot do ------------------------------------------------------------------

WRITE = """
import os, sys
for attempt in (
    lambda path: open(path / "new", "w"),
    lambda path: open(path / "there", "r+"),
    lambda path: (path / "there").unlink(),
    lambda path: (path / "there").rename("here"),
    lambda path: (path / "folder").mkdir(),
    lambda path: os.truncate(path / "there", 0),
    lambda path: os.symlink("x", path / "link"),
):
    import pathlib
    try:
        attempt(pathlib.Path(sys.argv[1]))
        print("it worked")
    except OSError as error:
        print("refused")
"""


def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "there").write_text("as it was")
    return folder


def check_unharmed(folder: Path, ended: Ended) -> None:
    assert ended.output.split("\n") == ["refused"] * 7 + [""]
    assert [path.name for path in folder.iterdir()] == ["there"]
    assert (folder / "there").read_text() == "as it was"


@needs_landlock
def test_no_write_outside_of_the_folders_succeeds(box: Sandbox, tmp_path: Path) -> None:
    folder = outside(tmp_path)

    ended = box.run(python(WRITE, folder))

    check_unharmed(folder, ended)
    assert ended.protections.guard_writes


@needs_landlock
def test_what_a_child_starts_is_held_as_it_is(box: Sandbox, tmp_path: Path) -> None:
    folder = outside(tmp_path)
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WRITE!r}, sys.argv[1]])"

    check_unharmed(folder, box.run(python(code, folder)))


def test_in_a_namespace_all_else_is_read_only_and_there_is_no_network(
    box: Sandbox, tmp_path: Path
) -> None:
    if not allows_namespaces(box):
        pytest.skip("this machine allows no namespaces")
    folder = outside(tmp_path)
    network = "print(open('/proc/net/dev').read().count(':'))"

    ended = box.run(python(WRITE, folder, in_namespace=True))
    interfaces = box.run(python(network, in_namespace=True)).output

    check_unharmed(folder, ended)
    assert ended.protections.mounts
    assert ended.protections.network_namespace
    assert interfaces == "1\n"  # the loopback


CONNECT = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    print("connected")
except OSError:
    print("refused")
"""


@pytest.mark.skipif(not landlock.refuses_tcp(online=False), reason="an older Landlock")
@pytest.mark.parametrize(("online", "expected"), [(False, "refused\n"), (True, "connected\n")])
def test_only_a_child_that_may_go_online_connects(
    box: Sandbox, online: bool, expected: str
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        ended = box.run(python(CONNECT, port, online=online))

    assert ended.output == expected
    assert ended.protections.guard_network is not online


def test_the_protections_are_said_as_they_are(box: Sandbox) -> None:
    said = str(box.run(python("")).protections)

    assert said.startswith(
        f"writes elsewhere refused by Landlock {landlock.version()}"
        if landlock.version()
        else "writes elsewhere refused by nobody"
    )


# --- Nothing of it is left --------------------------------------------------------------

# It leaves its group and its parent, who waits until it has said so.
DAEMON = """
import os, time
said, say = os.pipe()
if not os.fork():
    os.setsid()
    if not os.fork():
        os.write(1, b"%d " % os.getpid())
        os.close(say)
        time.sleep(999)
    os._exit(0)
os.close(say)
os.read(said, 1)
"""


def wait_for_end(pid: int) -> None:
    """Wait until a process is gone that is no child of ours."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select.select([process], [], [], 60)
    os.close(process)
    assert ready, f"process {pid} lives"


def test_what_a_child_leaves_running_ends_with_it(box: Sandbox) -> None:
    ended = box.run(python(DAEMON))

    (pid,) = ended.output.split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_a_child_that_takes_too_long_is_killed_with_all_it_has_started(box: Sandbox) -> None:
    code = "import os, time; os.fork(); os.write(1, b'%d ' % os.getpid()); time.sleep(999)"

    ended = box.run(python(code, timeout_s=2))

    assert (ended.code, ended.timed_out) == (-signal.SIGKILL, True)
    assert len(ended.output.split()) == 2
    for pid in ended.output.split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_a_closed_sandbox_leaves_nothing(parent: Path) -> None:
    code = "import os; os.mkdir('locked'); open('locked/file', 'w'); os.chmod('locked', 0)"
    with Sandbox.opened(parent, OUTER) as box:
        box.run(python(code))

    assert list(parent.iterdir()) == []


OWNER = """
import sys
from pathlib import Path
from hubmirror.sandbox import Child, Sandbox

CHILD = '''
import os, sys, time
os.write(int(sys.argv[1]), b"%d %d" % (os.getpid(), os.getppid()))
time.sleep(999)
'''
tell = int(sys.argv[2])
with Sandbox.opened(Path(sys.argv[1]), {}, keep=(tell,)) as box:
    box.run(Child((sys.executable, "-c", CHILD, str(tell))))
"""


def test_an_owner_that_is_killed_leaves_no_process_and_no_folder(parent: Path) -> None:
    told, tell = os.pipe()
    words = [sys.executable, "-c", OWNER, str(parent), str(tell)]
    owner = subprocess.Popen(words, pass_fds=(tell,))
    os.close(tell)
    child, supervisor = map(int, os.read(told, 100).split())

    owner.kill()
    owner.wait()

    wait_for_end(child)
    wait_for_end(supervisor)
    os.close(told)
    assert list(parent.iterdir()) == []


def test_what_a_power_cut_left_is_removed_and_what_is_in_use_is_not(parent: Path) -> None:
    with Sandbox.opened(parent, OUTER) as first:
        left = parent / "sandbox-left"
        (left / "home").mkdir(parents=True)

        with Sandbox.opened(parent, OUTER) as second:
            there = set(parent.iterdir())

        assert there == {first.folders.root, second.folders.root}
        assert first.run(python("print('alive')")).output == "alive\n"
