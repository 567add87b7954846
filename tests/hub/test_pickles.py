"""Models that leave the process: pickles, spawned children, workers of a DataLoader."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import hubmirror
from hubmirror.errors import NotFoundError
from tests.hub.small_mirror import SmallRepo, publish

ROOT = Path(hubmirror.__file__).parent.parent

HUBCONF = """
import collections, enum
import torch
from pickled_parts import Part

class Kind(enum.Enum):
    SMALL = 1

class Options(collections.namedtuple("Options", "depth")):
    pass

class Net(torch.nn.Module):
    class Inner:
        value = 1

    def __init__(self):
        super().__init__()
        self.part, self.kind, self.options, self.inner = Part(), Kind.SMALL, Options(3), Net.Inner()

    def forward(self, x):
        import pickled_late
        return self.part(x) + pickled_late.VALUE

def net(): return Net()
"""
PARTS = """
import torch

class Part(torch.nn.Linear):
    def __init__(self): super().__init__(2, 2)

    def __reduce__(self):
        return type(self), (), self.__dict__
"""
SCRIPT = """
import hubmirror, torch, torch.multiprocessing, sys
from torch.utils.data import DataLoader, Dataset

class Rows(Dataset):
    def __init__(self, net): self.net = net
    def __len__(self): return 2
    def __getitem__(self, at): return self.net(torch.full((2,), float(at))).detach()

def work(net, queue):
    queue.put(net(torch.ones(2)).tolist())

if __name__ == "__main__":
    with hubmirror.offline(isolate=sys.argv[1]):
        net = torch.hub.load("acme/nets", "net")
    context = torch.multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    child = context.Process(target=work, args=(net, queue))
    child.start()
    assert queue.get() == net(torch.ones(2)).tolist()
    child.join()
    rows = list(DataLoader(Rows(net), num_workers=1, multiprocessing_context="spawn"))
    assert torch.equal(rows[1][0], net(torch.ones(2)))
    print("done", type(net.part).__module__)
"""


@pytest.fixture(autouse=True)
def nets(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = {"pickled_parts.py": PARTS, "pickled_late.py": "VALUE = 7"}
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": HUBCONF, **late}})])
    monkeypatch.setenv("HUBMIRROR", str(mirror))
    monkeypatch.setattr(sys, "path", sys.path.copy())


def load(isolate: str) -> Any:
    with hubmirror.offline(isolate=isolate):
        return hubmirror.load("acme/nets", "net", verbose=False)


@pytest.mark.parametrize("isolate", ["never", "always"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_model_of_hubconf_classes_comes_back_from_a_pickle(isolate: str, protocol: int) -> None:
    net = load(isolate)

    again = pickle.loads(pickle.dumps(net, protocol))

    assert type(again) is type(net)
    assert type(again.part) is type(net.part)
    assert again.kind is net.kind
    assert (again.options.depth, again.inner.value) == (3, 1)
    assert torch.equal(again(torch.ones(2)), net(torch.ones(2)))


@pytest.mark.parametrize("isolate", ["never", "always"])
def test_a_model_can_be_copied_deeply(isolate: str) -> None:
    net = load(isolate)

    again = copy.deepcopy(net)

    assert torch.equal(again(torch.ones(2)), net(torch.ones(2)))
    assert again.part.weight is not net.part.weight


def test_subclasses_of_the_users_own_are_pickled_by_their_own_name() -> None:
    net = load("always")
    mine: Any = type("Mine", (type(net),), {"__module__": __name__})
    globals()["Mine"] = mine

    assert type(pickle.loads(pickle.dumps(mine()))) is mine


@pytest.mark.parametrize("isolate", ["auto", "always"])
def test_spawned_children_and_workers_get_the_model(
    isolate: str, mirror: Path, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HUBMIRROR": str(mirror),
                   "HUBMIRROR_CACHE": str(tmp_path / "cache")}  # fmt: skip

    done = subprocess.run(
        [sys.executable, "train.py", isolate],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout == "done pickled_parts\n"


def test_a_pickle_whose_repo_is_not_here_says_what_to_do(tmp_path: Path) -> None:
    content = pickle.dumps(load("always"), protocol=0)
    home = str(tmp_path / "home").encode()

    with pytest.raises(NotFoundError, match="not here, where pickled_parts was") as caught:
        pickle.loads(content.replace(home, b"/gone"))

    assert "state_dict" in caught.value.hint
