"""Repos that ship modules of one name, in one process: each runs its own code."""

from __future__ import annotations

import builtins
import importlib
import pickle
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import hubmirror
from tests.hub.small_mirror import SmallRepo, Tree, publish

HUBCONF = """
import sys
from clashing.net import Net
import clashing_tool

def net(): return Net()
def names(): return Net.name(), clashing_tool.NAME
def shown(): return sys.modules["clashing.net"].NAME
"""
NET = """
import importlib
from dataclasses import dataclass
from torch import nn
from . import part
from .part import NAME

class Net(nn.Module):
    @staticmethod
    def name(): return NAME

    def forward(self, how):
        if how == "statement":
            from clashing.late import NAME as found
        elif how == "relative":
            from .late import NAME as found
        elif how == "module":
            import clashing.late
            found = clashing.late.NAME
        elif how == "import_module":
            found = importlib.import_module("clashing.late").NAME
        elif how == "relative import_module":
            found = importlib.import_module(".late", __package__).NAME
        elif how == "__import__":
            found = __import__("clashing.late").late.NAME
        elif how == "known":
            import clashing_tool
            found = clashing_tool.NAME
        return found
"""
WAYS = ("statement", "relative", "module", "import_module", "relative import_module", "__import__",
        "known")  # fmt: skip


def tree(name: str, hubconf: str = HUBCONF) -> Tree:
    return {
        "hubconf.py": hubconf,
        "clashing/__init__.py": "",
        "clashing/net.py": NET,
        "clashing/part.py": f"NAME = {name!r}",
        "clashing/late.py": f"NAME = {name!r}",
        "clashing_tool.py": f"NAME = {name!r}",
    }


@pytest.fixture(autouse=True)
def two_repos(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    publish(mirror, [SmallRepo(f"acme/{name}", {"main": tree(name)}) for name in ("a", "b")])
    monkeypatch.setenv("HUBMIRROR", str(mirror))
    path = sys.path.copy()
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith("clashing")]:
        del sys.modules[name]


def load(repo: str, entrypoint: str = "net") -> Any:
    return hubmirror.load(f"acme/{repo}", entrypoint, verbose=False)


def users_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "clashing").mkdir(parents=True)
    (folder / "clashing" / "__init__.py").write_text("NAME = 'mine'")
    (folder / "clashing" / "more.py").write_text("NAME = 'mine'")
    (folder / "calling_back.py").write_text(
        "def call():\n    import clashing, clashing.more\n"
        "    return clashing.NAME, clashing.more.NAME\n"
    )
    monkeypatch.syspath_prepend(folder)


def test_repos_with_modules_of_one_name_each_run_their_own_in_any_order() -> None:
    got = [load(repo, "names") for repo in "abab"]

    assert got == [("a", "a"), ("b", "b"), ("a", "a"), ("b", "b")]


def test_code_that_looks_into_sys_modules_during_a_load_finds_its_own() -> None:
    assert [load(repo, "shown") for repo in "aba"] == ["a", "b", "a"]


@pytest.mark.parametrize("how", WAYS)
def test_imports_after_the_load_find_the_modules_of_their_repo(how: str) -> None:
    nets = {repo: load(repo) for repo in "ab"}

    got = [nets[repo](how) for repo in "baba"]

    assert got == list("baba")


@pytest.mark.parametrize("how", WAYS)
def test_imports_in_threads_find_the_modules_of_their_repo(how: str) -> None:
    nets = {repo: load(repo) for repo in "ab"}

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda repo: nets[repo](how), "ab" * 20))

    assert got == list("ab" * 20)


def test_the_users_own_modules_are_untouched_before_during_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Path
) -> None:
    users_own(tmp_path / "mine", monkeypatch)
    import clashing  # type: ignore[import-not-found]

    calling = HUBCONF + "\nimport calling_back\ndef call(): return calling_back.call(), names()\n"
    publish(mirror, [SmallRepo("acme/c", {"main": tree("c", calling)})])

    during, own = load("c", "call")

    assert own == ("c", "c")
    assert during == ("mine", "mine")
    assert sys.modules["clashing"] is clashing
    assert importlib.import_module("clashing.more").NAME == "mine"
    assert "clashing.net" not in sys.modules


def test_modules_that_the_user_has_not_imported_yet_are_not_taken_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users_own(tmp_path / "mine", monkeypatch)

    assert load("a", "names") == ("a", "a")

    assert importlib.import_module("clashing").NAME == "mine"


def test_a_thread_of_the_users_imports_its_own_modules_during_a_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Path
) -> None:
    users_own(tmp_path / "mine", monkeypatch)
    import clashing

    waiting = HUBCONF + "\nimport gate\ndef wait():\n    gate.met.set()\n    gate.go.wait(60)\n"
    gate: Any = type(sys)("gate")
    gate.met, gate.go = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, "gate", gate)
    publish(mirror, [SmallRepo("acme/c", {"main": tree("c", waiting)})])
    loading = threading.Thread(target=load, args=("c", "wait"))
    loading.start()
    gate.met.wait(60)

    calling_back = importlib.import_module("calling_back")
    named, called = importlib.import_module("clashing"), builtins.__import__("clashing")
    stated = clashing.NAME
    gate.go.set()
    loading.join()

    assert (named.NAME, called.NAME, stated) == ("mine", "mine", "mine")
    assert calling_back.call() == ("mine", "mine")


def test_nothing_is_hooked_without_a_conflict() -> None:
    before = builtins.__import__, list(sys.meta_path)
    module = load("a").forward.__globals__

    assert (builtins.__import__, list(sys.meta_path)) == before
    assert module["__builtins__"] is vars(builtins)


def test_nothing_of_the_process_is_hooked_after_a_conflict() -> None:
    before = builtins.__import__, list(sys.meta_path)

    load("a"), load("b")

    assert (builtins.__import__, list(sys.meta_path)) == before


def test_the_classes_of_a_repo_stay_the_same_from_load_to_load() -> None:
    first = {repo: type(load(repo)) for repo in "ab"}

    assert {repo: type(load(repo)) for repo in "ab"} == first


def test_names_are_kept() -> None:
    load("a")

    assert type(load("b")).__module__ == "clashing.net"


def test_a_pickle_of_a_whole_model_finds_the_class_of_the_repo_that_loads_it(
    mirror: Path, tmp_path: Path
) -> None:
    hubconf = HUBCONF + (
        "\nimport torch"
        "\ndef save(path): torch.save(Net(), path)"
        "\ndef restore(path): return torch.load(path, weights_only=False)\n"
    )
    publish(mirror, [SmallRepo(f"acme/{name}", {"v2": tree(name, hubconf)}) for name in "ab"])
    whole = tmp_path / "whole.pt"
    hubmirror.load("acme/a:v2", "save", str(whole), mirror=mirror)

    models = [hubmirror.load(f"acme/{repo}:v2", "restore", str(whole)) for repo in "ba"]

    assert b"clashing.net" in whole.read_bytes()
    assert [model.name() for model in models] == ["b", "a"]
    assert isinstance(models[1], type(hubmirror.load("acme/a:v2", "net")))


def test_never_runs_the_code_of_the_first_repo_and_warns(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HUBMIRROR_ISOLATE", "never")

    assert [load(repo, "names") for repo in "ab"] == [("a", "a"), ("a", "a")]

    assert "acme/b has a module 'clashing' of its own" in caplog.text


def test_always_leaves_no_module_of_a_repo_in_the_process() -> None:
    with hubmirror.offline(isolate="always"):
        net = hubmirror.load("acme/a", "net")

    assert net("statement") == "a"
    assert not [name for name in sys.modules if name.startswith("clashing")]


@pytest.mark.parametrize("repo", ["a", "b"])
def test_a_model_can_be_pickled_and_unpickled_after_its_load(repo: str) -> None:
    net = {name: load(name) for name in "ab"}[repo]

    again = pickle.loads(pickle.dumps(net))

    assert type(again) is type(net)
    assert again("statement") == repo
