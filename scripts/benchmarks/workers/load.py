"""Loads a model of one repo again and again: from a mirror, or as plain torch.hub does.

``words``: ``way`` (``ours`` or ``stock``), ``repo`` (a spec, or a folder), ``entrypoint``,
``calls``, ``warm`` (whether a call goes before the time begins), ``ranks`` (how many forked
processes load at once; then ``pss`` in the folder holds their memory together, in bytes).
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.hub

import hubmirror
from scripts.benchmarks.workers.job import Job, prepare

_KIB = 1024


def prepared(job: Job) -> Callable[[], None]:
    """Return the loads that are timed."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    words = job.words
    load = _ours if words["way"] == "ours" else _stock
    if words["warm"]:
        load(words["repo"], words["entrypoint"])
    if ranks := int(words["ranks"]):
        return lambda: _in_ranks(ranks, Path(job.folder, "pss"), load, words)

    def again() -> None:
        for _ in range(int(words["calls"])):
            _touch(load(words["repo"], words["entrypoint"]))

    return again


def _ours(repo: str, entrypoint: str) -> object:
    return hubmirror.load(repo, entrypoint, verbose=False)


def _stock(repo: str, entrypoint: str) -> object:
    with contextlib.redirect_stdout(sys.stderr):  # it says there what it downloads
        found: object = torch.hub.load(repo, entrypoint, source="local")  # type: ignore[no-untyped-call]
    return found


def _touch(found: object) -> None:
    """Read every byte, for a mapped file costs nothing before that."""
    for tensor in found.values() if isinstance(found, dict) else ():
        tensor.sum()


def _in_ranks(
    ranks: int, result: Path, load: Callable[[str, str], object], words: dict[str, str]
) -> None:
    """Load in as many processes at once, and hold all until each has read all."""
    ready, done = os.pipe(), os.pipe()
    children = []
    for _ in range(ranks):
        child = os.fork()
        if child == 0:
            os.close(done[1])
            found = load(words["repo"], words["entrypoint"])
            _touch(found)
            os.write(ready[1], b".")
            os.read(done[0], 1)  # until the parent closes its end
            os._exit(0)
        children.append(child)
    os.close(ready[1])
    arrived = 0
    while arrived < ranks and (piece := os.read(ready[0], ranks)):
        arrived += len(piece)
    result.write_text(str(sum(map(_pss, children))))
    os.close(done[1])
    for child in children:
        os.waitpid(child, 0)
    if arrived < ranks:
        sys.exit("a rank did not load")


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * _KIB for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    prepare(prepared)
