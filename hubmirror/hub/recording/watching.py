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
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hubmirror.errors import NotFoundError
from hubmirror.hub.recording.channel import Channel
from hubmirror.hub.recording.messages import Imported, Ran
from hubmirror.hub.recording.places import Places
from hubmirror.hub.recording.programs import far_program

_STARTS = {"subprocess.Popen": 1, "os.exec": 1, "os.posix_spawn": 1, "os.system": 0}


def watch(channel: Channel, places: Places) -> None:
    """Begin to watch this process; that cannot be undone."""
    ran: set[str] = set()

    def look(event: str, args: tuple[Any, ...]) -> None:  # each event has its own arguments
        if event == "exec":
            file = getattr(args[0], "co_filename", "")
            if places.of_file(file)[0]:
                ran.add(file)
        elif event in _STARTS:
            program = far_program(args[_STARTS[event]])
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
