"""``hubmirror run``: every Python in it loads from one publication, however it was started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.small_mirror import SmallRepo, publish, weights

ROOT = Path(__file__).parents[2]
URL = "https://weights.example/net.pth"
HUBCONF = f"import torch\ndef net(): return torch.hub.load_state_dict_from_url({URL!r})['value']"
LOAD = "float(torch.hub.load('acme/nets', 'net', trust_repo=True))"


def publish_value(root: Path, value: float) -> None:
    publish(
        root, [SmallRepo("acme/nets", {"main": {"hubconf.py": HUBCONF}}, {URL: weights(value)})]
    )


@pytest.fixture
def nets(mirror: Path) -> Path:
    publish_value(mirror, 3.0)
    return mirror


def run(
    mirror: Path, *command: str | Path, code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command under ``hubmirror run``."""
    words = [sys.executable, "-m", "hubmirror", "run", "--mirror", str(mirror), "--"]
    done = subprocess.run(
        [*words, *map(str, command)],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def script(folder: Path, text: str) -> Path:
    path = folder / "train.py"
    path.write_text(text)
    return path


def test_a_script_that_knows_nothing_of_us_is_served(nets: Path, tmp_path: Path) -> None:
    train = script(tmp_path, f"import sys, torch\nprint({LOAD}, sys.argv[1:])")

    assert run(nets, sys.executable, train, "--lr", "1").stdout == "3.0 ['--lr', '1']\n"


def test_its_children_are_served_too(nets: Path, tmp_path: Path) -> None:
    child = script(tmp_path, f"import torch\nprint({LOAD})").rename(tmp_path / "child.py")
    train = script(
        tmp_path,
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, {str(child)!r}], check=True, cwd='/')\n"
        f"subprocess.run('exec \"$PYTHON\" {child}', shell=True, check=True)\n",
    )

    done = run(nets, sys.executable, train, PYTHON=sys.executable)

    assert done.stdout == "3.0\n3.0\n"


def test_ranks_of_one_job_see_one_publication_whatever_is_published_meanwhile(
    nets: Path, tmp_path: Path
) -> None:
    rank = script(tmp_path, f"import torch\nprint({LOAD})").rename(tmp_path / "rank.py")
    job = script(
        tmp_path,
        "import subprocess, sys\n"
        "from tests.hub.test_run import publish_value\n"
        "from pathlib import Path\n"
        f"subprocess.run([sys.executable, {str(rank)!r}], check=True)\n"
        f"publish_value(Path({str(nets)!r}), 4.0)\n"
        f"subprocess.run([sys.executable, {str(rank)!r}], check=True)\n",
    )

    first = run(nets, sys.executable, job).stdout
    second = run(nets, sys.executable, rank).stdout

    assert (first, second) == ("3.0\n3.0\n", "4.0\n")


def test_torchrun_serves_all_its_ranks(nets: Path, tmp_path: Path) -> None:
    train = script(
        tmp_path,
        "import torch, torch.distributed as distributed\n"
        "distributed.init_process_group('gloo')\n"
        f"value = torch.tensor([{LOAD}])\n"
        "distributed.all_reduce(value)\n"
        "if distributed.get_rank() == 0: print('sum', value.item())\n"
        "distributed.destroy_process_group()\n",
    )
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

    done = run(nets, sys.executable, *torchrun, train, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")

    assert done.stdout == "sum 6.0\n"
    assert "Traceback" not in done.stderr


def test_workers_that_are_spawned_are_served(nets: Path, tmp_path: Path) -> None:
    train = script(
        tmp_path,
        "import torch\n"
        "class Items(torch.utils.data.Dataset):\n"
        "    def __len__(self): return 2\n"
        f"    def __getitem__(self, number): return {LOAD}\n"
        "if __name__ == '__main__':\n"
        "    loader = torch.utils.data.DataLoader(\n"
        "        Items(), num_workers=1, multiprocessing_context='spawn')\n"
        "    print([float(value) for value in loader])\n",
    )

    assert run(nets, sys.executable, train).stdout == "[3.0, 3.0]\n"


def test_the_network_is_refused_to_it(nets: Path, tmp_path: Path) -> None:
    train = script(
        tmp_path,
        "import torch, urllib.request\nurllib.request.urlopen('https://weights.example/gone')\n",
    )

    done = run(nets, sys.executable, train, code=1)

    assert "OfflineMissError: https://weights.example/gone: not mirrored" in done.stderr


def test_a_mirror_that_is_gone_is_said_at_the_import_of_torch(nets: Path, tmp_path: Path) -> None:
    train = script(
        tmp_path, f"import shutil\nshutil.rmtree({str(nets)!r})\nimport torch\nprint('imported')\n"
    )

    done = run(nets, sys.executable, train, code=1)

    assert done.stdout == ""
    assert "no mirror here" in done.stderr


def test_a_sitecustomize_of_the_environment_runs_as_ever(nets: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.theirs = __file__\n")
    train = script(
        tmp_path,
        f"import sys, sitecustomize, torch\nprint(sys.theirs == sitecustomize.__file__, {LOAD})\n",
    )
    path = os.pathsep.join([str(site), str(ROOT)])

    assert run(nets, sys.executable, train, PYTHONPATH=path).stdout == "True 3.0\n"


def test_one_that_fails_is_reported_as_ever_and_disarms_nothing(nets: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("raise ValueError('theirs')\n")
    train = script(tmp_path, f"import torch\nprint({LOAD})")
    path = os.pathsep.join([str(site), str(ROOT)])

    done = run(nets, sys.executable, train, PYTHONPATH=path)

    assert done.stdout == "3.0\n"
    assert "theirs" in done.stderr


def test_a_python_without_torch_imports_next_to_nothing_of_ours(nets: Path) -> None:
    program = "import json, sys; print(json.dumps([n for n in sys.modules if 'hubmirror' in n]))"

    found = json.loads(run(nets, sys.executable, "-c", program).stdout)

    assert set(found) <= {
        "hubmirror", "hubmirror.version", "hubmirror.hub", "hubmirror.hub.arrivals",
    }  # fmt: skip


FETCHING = {
    "urllib.request": "import urllib.request as u; print(len(u.urlopen(URL).read()) > 99)",
    "requests": "import requests; print(len(requests.get(URL).content) > 99)",
    "urllib3": "import urllib3; print(len(urllib3.PoolManager().request('GET', URL).data) > 99)",
    "httpx": "import httpx; print(len(httpx.get(URL).content) > 99)",
    "httpx2": "import httpx2; print(len(httpx2.get(URL).content) > 99)",
    "huggingface_hub": "import huggingface_hub, sys; print('hubmirror.hub.hooks' in sys.modules)",
}


@pytest.mark.parametrize("library", FETCHING)
def test_a_script_that_fetches_before_it_has_torch_is_served(nets: Path, library: str) -> None:
    program = f"URL = {URL!r}\n{FETCHING[library]}\nimport torch\nprint({LOAD})"

    assert run(nets, sys.executable, "-W", "error", "-c", program).stdout == "True\n3.0\n"


def test_torch_is_answered_whole_although_it_brings_urllib_on_its_way(nets: Path) -> None:
    program = (
        "import torch\n"
        "from hubmirror.hub import hooks\n"
        "print([s.name for s in hooks.layers() if s.is_active])\n"
    )

    found = run(nets, sys.executable, "-c", program).stdout

    assert found.startswith("['torch.hub', \"torch.hub's own functions\", 'threads'")
    assert "'urllib'" in found


def test_a_script_may_install_by_itself_too(nets: Path) -> None:
    """Its own call brings urllib.request where there is a proxy, which arms the process."""
    program = (
        "import hubmirror\n"
        "hubmirror.install(allow_hosts='tracking.corp')\n"
        f"import torch\nprint({LOAD})"
    )

    done = run(nets, sys.executable, "-c", program, https_proxy="http://proxy.corp:3128")

    assert done.stdout == "3.0\n"


def test_a_script_may_install_while_another_thread_imports(nets: Path) -> None:
    """With a proxy its call wants urllib.request, whose arrival in the other thread installs."""
    program = (
        "import faulthandler, importlib, threading\n"
        "from hubmirror.hub import arrivals, installing\n"
        "faulthandler.dump_traceback_later(60, exit=True)\n"
        "begun, go, name = threading.Event(), threading.Event(), 'urllib.request'\n"
        "arrivals._waiting[name].insert(0, lambda _: (begun.set(), go.wait()))\n"
        "threads = [threading.Thread(target=importlib.import_module, args=(name,)),\n"
        "    threading.Thread(target=installing.install)]\n"
        "threads[0].start()\n"
        "begun.wait()\n"
        "threads[1].start()\n"
        "while not importlib._bootstrap._module_locks[name]().waiters: pass\n"
        "go.set()\n"
        "for thread in threads: thread.join()\n"
        f"import torch\nprint({LOAD})\n"
    )

    done = run(nets, sys.executable, "-c", program, https_proxy="http://proxy.corp:3128")

    assert done.stdout == "3.0\n"


def test_a_python_of_another_environment_is_lent_the_package(nets: Path, tmp_path: Path) -> None:
    venv = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    program = (
        "import importlib.util, sys, urllib.request\n"
        "import hubmirror\n"
        "print(hubmirror.__file__, importlib.util.find_spec('pytest'))\n"
        f"print(len(urllib.request.urlopen({URL!r}).read()) > 99)\n"
    )

    done = run(nets, venv / "bin" / "python", "-c", program, PYTHONPATH="")

    assert done.stdout == f"{ROOT / 'hubmirror' / '__init__.py'} None\nTrue\n"


def test_signals_reach_the_command_itself(nets: Path) -> None:
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    words = [sys.executable, "-m", "hubmirror", "run", "--mirror", str(nets), "--"]
    job = subprocess.Popen(
        [*words, sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )

    with job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"ready\n"
        job.send_signal(signal.SIGTERM)

    assert job.returncode == 7


def test_a_python_that_ignores_its_environment_cannot_be_reached(nets: Path) -> None:
    program = "import sys; print('hubmirror' in sys.modules)"

    assert run(nets, sys.executable, "-I", "-c", program).stdout == "False\n"
