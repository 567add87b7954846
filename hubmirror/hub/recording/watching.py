"""Sees what code does without asking: programs that it runs, files of a repo that run.

One audit hook, as in ``guard``. What the modules of a repo have imported is told when the process
ends; which ones these are is read from their source, for what torch had imported before them
gives no event any more.
"""

from __future__ import annotations

import ast
import atexit
import importlib.metadata
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hubmirror.errors import NotFoundError
from hubmirror.hub import commands
from hubmirror.hub.recording.channel import Channel
from hubmirror.hub.recording.messages import Imported, Ran
from hubmirror.hub.recording.places import Places

_STARTS = {"subprocess.Popen": 1, "os.exec": 1, "os.posix_spawn": 1, "os.system": 0}
# Compilers, and those who only tell of this machine; Python is traced itself.
_NEAR = re.compile(
    r"ar|as|c\+\+|cc|clang(\+\+)?|collect2|date|df|free|g\+\+|gcc|getconf|hostname|id|ldconfig"
    r"|ld|ldd|lscpu|lspci|ls|make|ninja|nm|nproc|nvcc|nvidia-smi|objdump|python[\d.]*|ps|rocm-smi"
    r"|stty|tput|uname|which|whoami"
)
_NEAR_GIT = frozenset(
    {"branch", "config", "describe", "diff", "log", "rev-parse", "show", "status"}
)


def watch(channel: Channel, places: Places) -> None:
    """Begin to watch this process; that cannot be undone."""
    ran: set[str] = set()

    def look(event: str, args: tuple[Any, ...]) -> None:  # each event has its own arguments
        if event == "exec":
            file = getattr(args[0], "co_filename", "")
            if places.of_file(file)[0]:
                ran.add(file)
        elif event in _STARTS:
            program = _far_program(args[_STARTS[event]])
            if program:
                here = places.here()
                channel.ask(Ran(program, here.repo, here.line))

    owner = os.getpid()

    def tell() -> None:
        if os.getpid() == owner:
            for repo, distributions in _imported(ran, places).items():
                channel.ask(Imported(repo, distributions))

    sys.addaudithook(look)
    atexit.register(_unless_gone, tell)


def _unless_gone(tell: Any) -> None:
    try:
        tell()
    except NotFoundError:  # a tracer that was killed needs to know nothing any more
        return


def _far_program(given: Any) -> str:
    """Return the program of a command that may reach out, unless the guard refuses it anyway."""
    if isinstance(given, str | bytes | os.PathLike):
        line = os.fsdecode(given)
        words = line.split() or [""]
        is_known = commands.networking_in(line)
    else:
        words = [os.fsdecode(word) for word in given] or [""]
        is_known = commands.networking(words)
    name = os.path.basename(words[0])  # noqa: PTH119 - a word
    if name in ("sh", "bash") and words[1:2] == ["-c"] and len(words) > 2:
        return _far_program(words[2])
    is_near = _NEAR.fullmatch(name) or (name == "git" and _NEAR_GIT.intersection(words))
    return "" if is_known or is_near else name


def _imported(files: Iterable[str], places: Places) -> dict[str, tuple[str, ...]]:
    """Return the distributions that the files of each repo import, and that are imported."""
    owners = importlib.metadata.packages_distributions()
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in sorted(files):
        repo, path = places.of_file(file)
        root = Path(file.removesuffix(path))
        for name in _names(Path(file)):
            is_own = (root / name).is_dir() or (root / f"{name}.py").is_file()
            if name in sys.modules and name in owners and not is_own:
                for owner in set(owners[name]):
                    version = importlib.metadata.version(owner)
                    found[repo].add(f"{name} {owner} {version}")
    return {repo: tuple(sorted(names)) for repo, names in found.items()}


def _names(file: Path) -> Iterator[str]:
    """Go through the top-level modules that a source imports from elsewhere."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield alias.name.partition(".")[0]
            case ast.ImportFrom(module=str() as module, level=0):
                yield module.partition(".")[0]
            case _:
                pass
