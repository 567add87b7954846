"""Two repos whose modules clash, in a process that has loaded neither and gets their models."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import hubmirror
from tests.hub.small_mirror import SmallRepo, Tree, publish

ROOT = Path(hubmirror.__file__).parent.parent
CHILD = "import pickle, sys; print([net.tell() for net in pickle.load(sys.stdin.buffer)])"


def tree(owner: str) -> Tree:
    return {
        "hubconf.py": "from told.net import Net\ndef net(): return Net()\n",
        "told/__init__.py": "",
        "told/net.py": (
            "from told_part import OWNER\n"
            "class Net:\n"
            "    def tell(self):\n"
            "        from told import late\n"
            "        return OWNER, late.OWNER\n"
        ),
        "told/late.py": f"OWNER = {owner!r}\n",
        "told_part.py": f"OWNER = {owner!r}\n",
    }


@pytest.mark.parametrize("order", ["first second", "second first"])
@pytest.mark.parametrize("importable", [[], ["first"]])  # as a spawned child's sys.path may be
def test_each_model_finds_its_own_repo(
    order: str, importable: list[str], mirror: Path, tmp_path: Path
) -> None:
    names = ["first", "second"]
    publish(mirror, [SmallRepo(f"acme/{name}", {"main": tree(name)}) for name in names])
    with hubmirror.offline(mirror, isolate="always"):
        nets = {name: hubmirror.load(f"acme/{name}", "net", verbose=False) for name in names}
    folders = [str(next(tmp_path.glob(f"**/acme_{name}_main"))) for name in importable]

    told = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=pickle.dumps([nets[name] for name in order.split()]),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *folders])},
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip

    assert told.stdout.decode().strip() == str([(name, name) for name in order.split()])
