"""Loading on a node: a mirror against plain torch.hub with everything filled in by hand."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender, Unit
from scripts.benchmarks.processes import PYTHON, run_command, run_prepared
from scripts.benchmarks.workbench import Workbench
from scripts.benchmarks.workers.job import Job

_MIB = 2**20
_TENSORS = 64
_TINY_CALLS = 200
_RANKS = 8
_MADE = """
import sys, torch
name, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(0)
torch.save({f"layer{at}": torch.rand(size // 4 // count) for at in range(count)}, name)
"""
_HUBCONF = """
import torch
def tiny():
    return 1
def net(name={name!r}, check_hash=False):
    return torch.hub.load_state_dict_from_url({url!r}, check_hash=check_hash, progress=False)
def checked():
    return net(check_hash=True)
"""


@dataclass(frozen=True, slots=True)
class _Node:
    """What both sides load from: a mirror, and a folder with TORCH_HOME filled by hand."""

    mirror: Path
    local: Path
    torch_home: Path


def cases(bench: Workbench) -> Sequence[Case]:
    large = _node(bench, "large", bench.size(2**30, 2**22))
    ranks = _node(bench, "ranks", bench.size(2**29, 2**22))
    calls = str(1 if bench.is_quick else _TINY_CALLS)
    warm = "In a process that has loaded once; every byte is read."
    first = "The first load of a process, with an empty cache of either; every byte is read."
    together = f"{_RANKS} processes load at once and read every byte, in a verified cache."
    return [
        _case(f"{calls} loads of a tiny repo", "In a warm process.", large, "tiny", calls=calls),
        _case("State dict of 1 GiB, warm", warm, large, "net", target=0.95),
        _case("State dict of 1 GiB, first load", first, large, "net", is_first=True),
        _case(
            "The same with check_hash",
            first,
            large,
            "checked",
            is_first=True,
            target=1,
            filled=False,
        ),
        _case(f"{_RANKS} ranks, 512 MiB", together, ranks, "net", target=1, ranks=_RANKS),
        _case(
            f"Memory of {_RANKS} ranks, 512 MiB",
            together,
            ranks,
            "net",
            target=1,
            ranks=_RANKS,
            is_memory=True,
        ),
    ]


def _case(
    work: str,
    timed: str,
    node: _Node,
    entrypoint: str,
    *,
    calls: str = "1",
    target: float | None = None,
    ranks: int = 0,
    is_first: bool = False,
    filled: bool = True,
    is_memory: bool = False,
) -> Case:
    words = {
        "entrypoint": entrypoint,
        "calls": calls,
        "warm": "" if is_first else "yes",
        "ranks": str(ranks),
    }

    def ours(folder: Path) -> float:
        cache = folder / "cache" if is_first else node.mirror.parent / "cache"
        variables = {"HUBMIRROR": str(node.mirror), "HUBMIRROR_CACHE": str(cache)}
        job = {**words, "way": "ours", "repo": "bench/net:main"}
        return _run(folder, job, variables, is_memory=is_memory)

    def stock(folder: Path) -> float:
        home = node.torch_home if filled else folder / "torch"
        job = {**words, "way": "stock", "repo": str(node.local)}
        return _run(folder, job, {"TORCH_HOME": str(home)}, is_memory=is_memory)

    name = "torch.hub, by hand" if filled else "torch.hub, its own copy of a local file"
    unit = Unit.MEBIBYTES if is_memory else Unit.SECONDS
    return Case(
        work, timed, Contender("hubmirror.load", ours), (Contender(name, stock, target),), unit
    )


def _run(
    folder: Path, words: dict[str, str], variables: Mapping[str, str], *, is_memory: bool
) -> float:
    took = run_prepared(PYTHON, "load", Job(str(folder), words=words), variables=variables)
    return int((folder / "pss").read_text()) / _MIB if is_memory else took.seconds


def _node(bench: Workbench, name: str, size_bytes: int) -> _Node:
    """Make weights, a repo, a mirror of both, and what plain torch.hub wants; once."""
    root = bench.folder / f"load_{name}_{size_bytes}"
    node = _Node(root / "mirror", root / "repo", root / "torch")
    if (root / "made").exists():
        return node
    shutil.rmtree(root, ignore_errors=True)
    checkpoints = node.torch_home / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    node.local.mkdir()
    raw = root / "raw.pth"
    run_command([PYTHON, "-c", _MADE, raw, str(size_bytes), str(_TENSORS)], folder=root)
    with raw.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    weights = raw.rename(root / f"net-{digest[:8]}.pth")
    shutil.copyfile(weights, checkpoints / weights.name)
    hubconf = _HUBCONF.format(name=weights.name, url=weights.as_uri())
    (node.local / "hubconf.py").write_text(hubconf)
    _sync(node, root, weights)
    (root / "made").touch()
    return node


def _sync(node: _Node, root: Path, weights: Path) -> None:
    who = {"GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@example.org"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "a net"]):
        subprocess.run(["git", *words], cwd=node.local, env=os.environ | who, check=True)
    manifest = root / "manifest.yaml"
    manifest.write_text(
        "version: 1\nrepos:\n  - repo: bench/net\n"
        f"    url: {node.local.as_uri()}\n    refs: [main]\n"
        f"    checkpoints:\n      - url: {weights.as_uri()}\n"
    )
    sync = [PYTHON, "-m", "hubmirror", "sync", manifest, "--mirror", node.mirror]
    run_command([*map(str, sync), "--state", str(root / "state")], folder=root)
