"""Imports in several threads at once, while answers are put in: nobody waits for ever."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from hubmirror.hub import scope
from hubmirror.hub.interception import Hook, Interception, Layer

PATIENCE_S = 30
GATE = (
    "import sys\n"
    "gate = sys.modules['gate']\n"
    "gate.begun.set()\n"
    f"gate.go.wait({PATIENCE_S})\n"
    "import arrives_meanwhile\n"
    "def fetch(): return 'original'\n"
)


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give a module that takes its time, imports another, and then has a function."""
    (tmp_path / "takes_its_time.py").write_text(GATE)
    (tmp_path / "arrives_meanwhile.py").write_text("def fetch(): return 'original'\n")
    gate = ModuleType("gate")
    vars(gate).update(begun=threading.Event(), go=threading.Event())
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("takes_its_time", "arrives_meanwhile"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "gate", gate)
    return gate


def started(run: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_module_that_another_thread_imports_is_awaited_under_no_lock(gate: ModuleType) -> None:
    def hooks(module: ModuleType) -> list[Hook]:
        return [Hook(module, "fetch", lambda _: "answered")]

    names = ("arrives_meanwhile", "takes_its_time")
    interception = Interception([Layer(name, name, hooks) for name in names])
    importing = started(lambda: importlib.import_module("takes_its_time"))
    gate.begun.wait(PATIENCE_S)

    putting_in = started(interception.put_in)
    while not any_waits_for("takes_its_time"):
        assert putting_in.is_alive()
    gate.go.set()
    importing.join(PATIENCE_S)
    putting_in.join(PATIENCE_S)

    assert (importing.is_alive(), putting_in.is_alive()) == (False, False)
    with scope.entered(scope.Scope(None)):
        assert [sys.modules[name].fetch() for name in names] == ["answered", "answered"]
    interception.take_out()
    assert [sys.modules[name].fetch() for name in names] == ["original", "original"]


def any_waits_for(name: str) -> bool:
    """Tell whether a thread waits for the end of an import, as Python's own lock knows."""
    lock = importlib._bootstrap._module_locks.get(name)  # type: ignore[attr-defined]
    module_lock = lock() if lock is not None else None
    return module_lock is not None and bool(module_lock.waiters)
