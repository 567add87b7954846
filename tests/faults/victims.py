"""Runs hubmirror commands in processes of their own, in which a durable step fails or is recorded.

A process with everything imported forks for each command, as in ``tests.kills``.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faults import steps
from tests.faults.power import Event, Recorder
from tests.faults.steps import Failing, Fault, Site

ROOT = Path(__file__).parents[2]
_WARM = (
    *("hubmirror.cli.app", "hubmirror.cli.sync_command", "hubmirror.sync"),
    *("hubmirror.manifest.reading", "hubmirror.verify"),
)


class Runner:
    """Starts commands whose steps are watched; use it in ``with``."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.victims"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.communicate()

    def run(self, words: Sequence[str], *, mutation: str = "") -> int:
        """Run a command to its end and return its exit code."""
        return int(self._ask(words, mutation=mutation)["code"])

    def fail(self, words: Sequence[str], site: Site, visit: int, fault: Fault) -> int:
        """Run a command in which one step fails; return its exit code, -9 where it died."""
        where = {"site": asdict(site), "visit": visit, "fault": fault.value}
        return int(self._ask(words, failing=where)["code"])

    def visits(self, words: Sequence[str]) -> tuple[int, Mapping[Site, int]]:
        """Run a command; return its exit code, and how often it comes to each site."""
        answer = self._ask(words, counting=True)
        return int(answer["code"]), {Site(*site): count for site, count in answer["visits"]}

    def record(self, words: Sequence[str], folder: Path, *, mutation: str = "") -> list[Event]:
        """Run a command to its end; return each durable step that it made below a folder."""
        log = folder.with_name(f"{folder.name}.events")
        answer = self._ask(words, recording=[str(folder), str(log)], mutation=mutation)
        assert answer["code"] == 0
        found: list[Event] = pickle.loads(log.read_bytes())
        return found

    def _ask(self, words: Sequence[str], **fields: object) -> dict[str, Any]:
        if self._server.stdin is None or self._server.stdout is None:
            raise AssertionError
        self._server.stdin.write(json.dumps({"words": list(words), **fields}) + "\n")
        self._server.stdin.flush()
        found: dict[str, Any] = json.loads(self._server.stdout.readline())
        return found


def _serve() -> None:
    for module in _WARM:
        importlib.import_module(module)
    from hubmirror.manifest import reading

    reading.parse_manifest("version: 1\nrepos: [{repo: a/b}]", file="warm")  # imports pydantic
    for line in sys.stdin:
        asked = json.loads(line)
        said, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(said)
            os.dup2(2, 1)
            code = _be_a_victim(asked, tell)
            os._exit(code)
        os.close(tell)
        with os.fdopen(said, "rb") as stream:
            told = stream.read()
        _, status = os.waitpid(child, 0)
        answer = {"code": os.waitstatus_to_exitcode(status), "visits": json.loads(told or b"[]")}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _be_a_victim(asked: Mapping[str, Any], tell: int) -> int:
    from hubmirror.cli import app, node

    if name := asked.get("mutation"):
        from tests.faults import mutations

        mutations.ALL[name]()
    if where := asked.get("failing"):
        steps.watch(Failing(Site(**where["site"]), where["visit"], Fault(where["fault"])))
    visits: Counter[Site] = Counter()
    if asked.get("counting"):
        steps.watch(_counting(visits))
    run = node.run if node.is_one(asked["words"]) else app.run
    recorder, log = None, None
    if asked.get("recording"):
        folder, log = asked["recording"]
        recorder = Recorder(Path(folder))
        steps.watch(recorder.handler())
    code = run(asked["words"])
    if recorder and log:
        Path(log).write_bytes(pickle.dumps(recorder.events))
    if asked.get("counting"):
        found = [[[one.operation, one.made, one.asked], count] for one, count in visits.items()]
        os.write(tell, json.dumps(found).encode())
    return code


def _counting(visits: Counter[Site]) -> steps.Handler:
    lock = threading.Lock()

    def count(site: Site, _: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        with lock:
            visits[site] += 1
        return make()

    return count


if __name__ == "__main__":
    _serve()
