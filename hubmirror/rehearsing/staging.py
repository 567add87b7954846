"""One load of a rehearsal: a child in a sandbox, which has the mirror and nothing else."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hubmirror.errors import InvalidInputError
from hubmirror.records import Digest
from hubmirror.rehearsing.answers import Answer, read_answer
from hubmirror.rehearsing.options import Options
from hubmirror.sandbox import Child, Ended, Folders, Sandbox
from hubmirror.settings import Settings

_MODULE = "hubmirror.hub.performing"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is rehearsed: a catalog, published or not, and the mirror that has its bytes."""

    root: Path
    catalog: Path
    publication: Digest


@dataclass(frozen=True, slots=True)
class Performance:
    """How a load went.

    Attributes:
        answer: The child's account of it; None where there is none.
        trouble: Why there is none, in words.
        ended: How the child ended.
    """

    answer: Answer | None
    trouble: str
    ended: Ended


class Stage:
    """Where the entrypoints of one candidate are loaded; used from several threads."""

    def __init__(
        self, candidate: Candidate, parent: Path, settings: Settings, options: Options
    ) -> None:
        self._candidate = candidate
        self._parent = parent
        self._settings = settings
        self._options = options
        self._open: set[Sandbox] = set()
        self._lock = threading.Lock()

    def perform(self, spec: str, call: str) -> Performance:
        """Load one entrypoint in a child, and return its account.

        Raises:
            StorageError: when no child can be started, or not be held as it was asked.
        """
        with self._sandbox() as sandbox:
            order = sandbox.folders.exchange / "order.json"
            answer = sandbox.folders.exchange / "answer.json"
            order.write_text(json.dumps(self._order(spec, call)), encoding="utf-8")
            child = Child(
                (sys.executable, "-m", _MODULE, str(order), str(answer)),
                self._variables(sandbox.folders),
                timeout_s=self._options.timeout_s,
                in_namespace=self._options.in_namespace,
                read_only=(self._candidate.root,),
            )
            ended = sandbox.run(child)
            try:
                account, trouble = read_answer(answer), _trouble(ended, self._options.timeout_s)
            except InvalidInputError as error:
                account, trouble = None, error.message
        return Performance(account, trouble, ended)

    def stop(self) -> None:
        """End every load that is at work."""
        with self._lock:
            for sandbox in self._open:
                sandbox.stop()

    @contextlib.contextmanager
    def _sandbox(self) -> Iterator[Sandbox]:
        with Sandbox.opened(self._parent, self._settings.variables) as sandbox:
            with self._lock:
                self._open.add(sandbox)
            try:
                yield sandbox
            finally:
                with self._lock:
                    self._open.discard(sandbox)

    def _order(self, spec: str, call: str) -> Mapping[str, str]:
        return {
            "root": str(self._candidate.root),
            "catalog": str(self._candidate.catalog),
            "publication": self._candidate.publication.hex,
            "spec": spec,
            "call": call,
        }

    def _variables(self, folders: Folders) -> Mapping[str, str]:
        return {
            "HUBMIRROR": str(self._candidate.root),
            "HUBMIRROR_CACHE": str(folders.cache / "hubmirror"),
            "HUBMIRROR_ISOLATE": self._settings.isolate.value,
            "HUBMIRROR_VERIFY": self._settings.verify.value,
            "HUBMIRROR_WEIGHTS_ONLY": self._settings.weights_only.value,
        }


def _trouble(ended: Ended, timeout_s: float) -> str:
    if ended.timed_out:
        return f"it was not through after {timeout_s:g} s"
    if ended.code < 0:
        return f"it was killed by signal {-ended.code}: the machine may be short of memory"
    return f"it ended with exit code {ended.code} and gave no account of itself"
