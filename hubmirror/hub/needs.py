"""What a repo needs of others, read from its files: what hubconf.py imports, and what that does.

Only what is imported whatever happens counts: what stands in ``try``, ``if`` or a function may
be missing. No code is run. Of a name that is somewhere in the repo it is not known whether its
code puts that folder on the path, so it is taken for the repo's own.
"""

from __future__ import annotations

import ast
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

_ENTRANCE = "hubconf.py"
_MOST_FILES = 1000


def needs(snapshot: Path) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the modules of others that a snapshot imports, and the names that are its own."""
    with tarfile.open(snapshot) as archive:
        files = {member.name: member for member in archive if member.isfile()}
        own = _own_names(files)
        wanted: dict[str, None] = {}
        queue, seen = [_ENTRANCE], {_ENTRANCE}
        while queue and len(seen) < _MOST_FILES:
            file = queue.pop(0)
            opened = archive.extractfile(files[file]) if file in files else None
            for name in _imports(opened.read() if opened else b"", file):
                top = name.partition(".")[0]
                if top not in own and top not in sys.stdlib_module_names:
                    wanted[top] = None
                found = [path for path in _files(name) if path in files and path not in seen]
                queue += found
                seen.update(found)
    return tuple(wanted), own


def _own_names(files: Iterable[str]) -> frozenset[str]:
    paths = [PurePosixPath(name) for name in files if name.endswith(".py")]
    return frozenset(part.removesuffix(".py") for path in paths for part in path.parts)


def _files(name: str) -> Iterator[str]:
    """Return the files that an import of a dotted name runs, if they are there."""
    folder = ""
    for part in name.split("."):
        yield f"{folder}{part}.py"
        yield f"{folder}{part}/__init__.py"
        folder = f"{folder}{part}/"


def _imports(source: bytes, file: str) -> Iterator[str]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return  # its load will say so
    package = PurePosixPath(file).parent.parts
    for statement in body:
        match statement:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, names=names, level=level) if level <= len(package):
                above = package[: len(package) + 1 - level] if level else ()
                base = ".".join([*above, *([module] if module else [])])
                yield base
                yield from (f"{base}.{name.name}" for name in names)  # each may be a module too
            case _:
                pass
