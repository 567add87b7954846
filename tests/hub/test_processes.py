"""Loading in other processes: killed, many at once, without home, rights or network."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hubmirror
from tests.hub.small_mirror import SmallRepo, publish, weights

ROOT = Path(hubmirror.__file__).parent.parent
URL = "https://weights.example/net.pth"
HUBCONF = f"import torch\ndef net(): return torch.hub.load_state_dict_from_url({URL!r})['value']"
LOAD = "import hubmirror; print(hubmirror.load('acme/nets', 'net', verbose=False).item())"
NOBODY = 65534


def environment(mirror: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HUBMIRROR": str(mirror)} | more


def python(code: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


@pytest.fixture
def public_tmp() -> Iterator[Path]:
    """A folder into which other users may look, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def nets(mirror: Path, files: int = 0) -> None:
    tree = {"hubconf.py": HUBCONF, **{f"data/{n:05}.txt": "x" * 999 for n in range(files)}}
    publish(mirror, [SmallRepo("acme/nets", {"main": tree}, {URL: weights(3.0)})])


def test_what_a_kill_left_is_never_mistaken_for_a_view(mirror: Path, tmp_path: Path) -> None:
    nets(mirror, files=4000)
    env = environment(mirror, HUBMIRROR_CACHE=str(tmp_path / "cache"))
    victim = python(LOAD, env)
    while not list(tmp_path.glob("cache/views/*/new-*/view/hub/*/data/00100.txt")):
        assert victim.poll() is None, "it was over before it could be killed"
        time.sleep(0.001)

    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert not list(tmp_path.glob("cache/views/*/acme*"))

    assert finish(python(LOAD, env)) == "3.0\n"
    (view,) = tmp_path.glob("cache/views/*/acme*/hub/*")
    assert len(list(view.glob("data/*.txt"))) == 4000


def test_eight_processes_may_start_from_a_cold_cache(mirror: Path, tmp_path: Path) -> None:
    nets(mirror, files=200)
    env = environment(mirror, HUBMIRROR_CACHE=str(tmp_path / "cache"))

    ranks = [python(LOAD, env) for _ in range(8)]

    assert [finish(rank) for rank in ranks] == ["3.0\n"] * 8
    (parent,) = (tmp_path / "cache" / "views").iterdir()
    assert [path.name for path in parent.iterdir()] == ["acme_nets_main"]
    assert len(list((tmp_path / "cache" / "verified").iterdir())) == 1


def two_repos_with_equal_refs(mirror: Path) -> None:
    hubconf = "import same_tool\nfrom same_package import NAME\ndef names():\n"
    hubconf += "    return NAME, same_tool.NAME"
    publish(mirror, [
        SmallRepo(f"acme/{name}", {"main": {
            "hubconf.py": hubconf,
            "same_tool.py": f"NAME = {name!r}",
            "same_package/__init__.py": "from same_package.part import NAME",
            "same_package/part.py": f"NAME = {name!r}",
            **{f"data/{number}.txt": name for number in range(100)},
        }})
        for name in ("one", "two")
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("processes", "loads"), [(4, 6), pytest.param(16, 20, marks=pytest.mark.long)]
)
def test_processes_that_load_two_repos_with_equal_refs_never_mix_them(
    mirror: Path, tmp_path: Path, processes: int, loads: int
) -> None:
    two_repos_with_equal_refs(mirror)
    before = {path: path.stat().st_mtime_ns for path in (mirror, *mirror.rglob("*"))}
    code = (
        "import hubmirror, os, random\n"
        "chance = random.Random(os.environ['SEED'])\n"
        f"for number in range({loads}):\n"
        "    name = chance.choice(['one', 'two'])\n"
        "    got = hubmirror.load(f'acme/{name}:main', 'names', verbose=False)\n"
        "    assert got == (name, name), (got, name)\n"
        "print('right')"
    )
    env = environment(mirror, HUBMIRROR_CACHE=str(tmp_path / "cache"), TMPDIR=str(tmp_path))

    ranks = [python(code, env | {"SEED": str(seed)}) for seed in range(processes)]

    assert [finish(rank) for rank in ranks] == ["right\n"] * processes
    assert {path: path.stat().st_mtime_ns for path in (mirror, *mirror.rglob("*"))} == before
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "home", "mirror"}
    assert not list(tmp_path.glob("cache/views/*/new-*"))


@pytest.mark.parametrize("seed", [None, pytest.param(7, marks=pytest.mark.long)])
def test_a_load_killed_at_any_step_leaves_nothing_to_be_mistaken_for_a_view(
    mirror: Path, tmp_path: Path, seed: int | None
) -> None:
    two_repos_with_equal_refs(mirror)

    done = subprocess.run(
        [sys.executable, "-m", "tests.hub.dying", str(mirror), str(tmp_path / "cache"), str(seed)],
        cwd=ROOT, capture_output=True, text=True, timeout=240,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_stranger_loads_from_a_read_only_mirror_without_home_and_stdin(
    public_tmp: Path, tmp_path: Path
) -> None:
    nets(public_tmp / "mirror")
    nets(tmp_path / "another")
    before = sorted(public_tmp.rglob("*"))
    code = (
        "import os, hubmirror\n"  # all imports first, for the stranger may not read this Python
        f"os.environ['HUBMIRROR_CACHE'] = {str(tmp_path / 'cache')!r}\n"
        f"hubmirror.load('acme/nets', 'net', mirror={str(tmp_path / 'another')!r}, verbose=False)\n"
        "del os.environ['HUBMIRROR_CACHE']\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY}); os.close(0)\n"
        "import pwd; pwd.getpwuid = pwd.getpwall = None\n"
        f"{LOAD}\n"
        "from hubmirror.hub.cache import _temporary_folder; print(_temporary_folder())"
    )

    value, cache = finish(python(code, environment(public_tmp / "mirror"))).split()

    assert value == "3.0"
    assert Path(cache).name.startswith("hubmirror-")
    assert not Path(cache).exists()
    assert sorted(public_tmp.rglob("*")) == before


def test_nothing_is_resolved_or_connected(mirror: Path, tmp_path: Path) -> None:
    nets(mirror)
    code = (
        "import sys, torch\n"  # a torch for CUDA starts programs of its own
        "def watch(event, args):\n"
        "    if event.startswith(('socket.get', 'socket.conn', 'subprocess', 'urllib')):\n"
        "        print(event, args)\n"
        f"sys.addaudithook(watch)\n{LOAD}"
    )

    assert finish(python(code, environment(mirror, HOME=str(tmp_path)))) == "3.0\n"


def test_a_forked_child_loads_too(mirror: Path, tmp_path: Path) -> None:
    nets(mirror)
    code = (
        "import os, hubmirror\n"
        "hubmirror.load('acme/nets', 'net', verbose=False)\n"
        "pid = os.fork()\n"
        f"if pid: os.waitpid(pid, 0)\nelse:\n    {LOAD}\n"
    )
    env = environment(mirror)  # and no home: parent and child share a temporary cache

    assert finish(python(code, env)) == "3.0\n"
