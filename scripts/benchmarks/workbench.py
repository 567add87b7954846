"""What a suite works with: folders, inputs, servers, and which peers are here.

Inputs are made once and reused: random bytes by their size, from a seed, so that two machines
measure the same. Owns ``build/bench/``.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.benchmarks.processes import ROOT
from scripts.benchmarks.web import Web
from scripts.benchmarks.workers.job import Wanted

FOLDER = ROOT / "build" / "bench"
PEER_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Workbench:
    """One run of the benchmarks.

    Attributes:
        folder: Where inputs and runs are.
        is_quick: Whether small inputs must do: that it works is to be seen, not how fast.
        ends: What ends with the suite.
    """

    folder: Path
    is_quick: bool
    ends: ExitStack

    @property
    def served(self) -> Path:
        """The folder that the web server serves."""
        return self.folder / "served"

    @property
    def repos(self) -> Path:
        """The folder of the git repositories that the web server serves."""
        return self.folder / "repos"

    def web(self) -> Web:
        """Start the web server; it ends with the suite."""
        if lacks := lacks_program("nginx", "fcgiwrap", "git", "openssl"):
            sys.exit(f"scripts/bench: {lacks}: this suite cannot do without")
        self.served.mkdir(parents=True, exist_ok=True)
        self.repos.mkdir(parents=True, exist_ok=True)
        return self.ends.enter_context(Web.started(self.served, self.repos))

    def size(self, full: int, quick: int) -> int:
        """Choose between the real size of an input and one for a smoke test."""
        return quick if self.is_quick else full

    def one_file(self, base_url: str, size_bytes: int) -> tuple[Wanted, ...]:
        """Return a served file of random bytes, in the page cache."""
        name = f"one_{size_bytes}.pth"
        found = self._files(name, [self.served / name], size_bytes)
        with (self.served / name).open("rb") as stream:
            while stream.read(_PIECE_BYTES):
                pass
        return tuple(_at(base_url, found))

    def many_files(self, base_url: str, count: int, size_bytes: int) -> tuple[Wanted, ...]:
        """Return served files of random bytes."""
        folder = f"many_{count}x{size_bytes}"
        paths = [self.served / folder / f"file_{number:05}.pth" for number in range(count)]
        return tuple(_at(base_url, self._files(folder, paths, size_bytes)))

    def _files(self, title: str, paths: list[Path], size_bytes: int) -> list[Wanted]:
        listing = self.folder / f"{title}.json"
        if listing.exists() and paths[-1].exists():
            return [Wanted(**fields) for fields in json.loads(listing.read_text())]
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        seed = random.Random(title)
        found = [
            Wanted(str(path.relative_to(self.served)), path.name, _fill(path, size_bytes, seed))
            for path in paths
        ]
        listing.write_text(json.dumps([asdict(one) for one in found]))
        return found


def _at(base_url: str, found: Iterable[Wanted]) -> Iterator[Wanted]:
    for one in found:
        yield Wanted(f"{base_url}/{one.url}", one.name, one.sha256)


def _fill(path: Path, size_bytes: int, seed: random.Random) -> str:
    hasher = hashlib.sha256()
    with path.open("wb") as stream:
        while size_bytes:
            piece = seed.randbytes(min(size_bytes, _PIECE_BYTES))
            hasher.update(piece)
            stream.write(piece)
            size_bytes -= len(piece)
    return hasher.hexdigest()


def write_manifest(path: Path, files: Iterable[Wanted] = (), repos: Iterable[str] = ()) -> None:
    """Write a manifest of these files and repos; a repo is its lines under ``repos:``."""
    lines = ["version: 1", "name: bench"]
    lines += ["repos:", *repos] if (repos := list(repos)) else []
    lines += ["checkpoints:"] if (files := list(files)) else []
    for one in files:
        lines += [f"  - url: {one.url}", f"    sha256: {one.sha256}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def lacks_program(*names: str) -> str:
    """Say which of these programs is not installed; nothing when all are."""
    gone = [name for name in names if shutil.which(name) is None]
    return f"{', '.join(gone)} not installed" if gone else ""


def lacks_module(python: Path, name: str) -> str:
    """Say that a Python environment has no such package; nothing when it has."""
    if python.exists():
        seen = subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False)
        if seen.returncode == 0:
            return ""
    return f"{name} not installed"
