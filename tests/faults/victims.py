"""Runs hubmirror commands in processes of their own, whose durable steps fail or are recorded."""

from __future__ import annotations

import pickle
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults import steps
from tests.faults.power import Event, Recorder
from tests.faults.steps import Failing, Fault, Site
from tests.forks import Forks, serve

_WARM = (
    *("hubmirror.cli.app", "hubmirror.cli.sync_command", "hubmirror.sync"),
    *("hubmirror.manifest.reading", "hubmirror.verify"),
)


class Runner(Forks):
    """Starts commands whose steps are watched; use it in ``with``."""

    def __init__(self) -> None:
        super().__init__("tests.faults.victims")

    def run(self, words: Sequence[str]) -> int:
        """Run a command to its end and return its exit code."""
        return self.ask(words=list(words))

    def fail(self, words: Sequence[str], site: Site, visit: int, fault: Fault) -> int:
        """Run a command in which one step fails; return its exit code, -9 where it died."""
        failing = {"site": asdict(site), "visit": visit, "fault": fault.value}
        return self.ask(words=list(words), failing=failing)

    def visits(self, words: Sequence[str]) -> tuple[int, Mapping[Site, int]]:
        """Run a command; return its exit code, and how often it comes to each site."""
        with tempfile.NamedTemporaryFile() as log:
            code = self.ask(words=list(words), counting=log.name)
            found: Mapping[Site, int] = pickle.load(log)
        return code, found

    def record(self, words: Sequence[str], folder: Path, *, mutation: str = "") -> list[Event]:
        """Run a command to its end; return each durable step that it made below a folder."""
        with tempfile.NamedTemporaryFile() as log:
            recording = [str(folder), log.name]
            assert self.ask(words=list(words), recording=recording, mutation=mutation) == 0
            found: list[Event] = pickle.load(log)
        return found


def _be_a_victim(asked: Mapping[str, Any]) -> int:
    from hubmirror.cli import app, node

    if name := asked.get("mutation"):
        from tests.faults import mutations

        mutations.ALL[name]()
    if where := asked.get("failing"):
        steps.watch(Failing(Site(**where["site"]), where["visit"], Fault(where["fault"])))
    visits: Counter[Site] = Counter()
    if asked.get("counting"):
        steps.watch(_counting(visits))
    folder, log = asked.get("recording") or ("", "")
    recorder = Recorder(Path(folder))
    if log:
        steps.watch(recorder.handler())
    run = node.run if node.is_one(asked["words"]) else app.run
    code = run(asked["words"])
    if log:
        Path(log).write_bytes(pickle.dumps(recorder.events))
    if log := asked.get("counting"):
        Path(log).write_bytes(pickle.dumps(visits))
    return code


def _counting(visits: Counter[Site]) -> steps.Handler:
    lock = threading.Lock()

    def count(site: Site, _: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        with lock:
            visits[site] += 1
        return make()

    return count


if __name__ == "__main__":
    serve(_be_a_victim, _WARM)
