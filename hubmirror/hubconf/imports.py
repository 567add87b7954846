"""What hubconf.py imports of others, followed through the repo's own modules.

No code is run. Of a name that is somewhere in the repo it is not known whether its code puts
that folder on the path, so it is taken for the repo's own.
"""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hubmirror.distributions import module_key
from hubmirror.errors import InvalidInputError
from hubmirror.hubconf.about import Entrypoint
from hubmirror.hubconf.read import HUBCONF
from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.statements import truth

_MOST_FILES = 1000


class When(StrEnum):
    """When a module is imported: with hubconf.py, in a call of an entrypoint, or perhaps never."""

    LOAD = "load"
    CALL = "call"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Import:
    """A module of somebody else that a repo imports, where it is first seen.

    Attributes:
        module: As ``module_key`` has it: ``cv2``, ``google.protobuf``.
        when: ``OPTIONAL`` for what stands in ``try``, ``if`` or a function that is no entrypoint.
        file: A POSIX path in the repo.
        line: Counted from 1.
    """

    module: str
    when: When
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Imports:
    """The modules of others that a repo imports, each once, and the names that are its own."""

    found: tuple[Import, ...]
    own: frozenset[str]

    def names(self, *when: When) -> tuple[str, ...]:
        """Return the modules that are imported then."""
        return tuple(one.module for one in self.found if one.when in when)


def read_imports(
    files: Iterable[str], sources: Sources, entrypoints: Iterable[Entrypoint] = ()
) -> Imports:
    """Follow the imports of hubconf.py through the files of its repo.

    What the body of an entrypoint imports is needed in its calls, wherever it is defined.
    """
    modules = _Modules(files)
    called = frozenset((one.file, one.line) for one in entrypoints)
    found: dict[str, Import] = {}
    entered: set[str] = set()
    waiting: dict[When, list[str]] = {when: [] for when in When}
    waiting[When.LOAD].append(HUBCONF)
    # What is certain goes first, so that a file which is run in two ways counts as certain.
    for when in When:
        while waiting[when] and len(entered) < _MOST_FILES:
            file = waiting[when].pop(0)
            if file in entered:
                continue
            entered.add(file)
            for statement in _statements(file, when, sources, called):
                waiting[statement.when] += modules.run_by(statement)
                for name in filter(modules.is_others, statement.leaves()):
                    seen = Import(module_key(name), statement.when, file, statement.line)
                    found[seen.module] = min(found.get(seen.module, seen), seen, key=_doubt)
    return Imports(tuple(found.values()), modules.own)


def _doubt(one: Import) -> int:
    return tuple(When).index(one.when)


@dataclass(frozen=True, slots=True)
class _Statement:
    """An import statement; of ``from a import b`` the modules are ``a`` and, perhaps, ``a.b``."""

    modules: tuple[str, ...]
    when: When
    file: str
    line: int

    def leaves(self) -> Iterator[str]:
        """Return the modules without those that others of them are in."""
        for name in self.modules:
            if not any(other.startswith(f"{name}.") for other in self.modules):
                yield name


class _Modules:
    """The modules of a repo by name, wherever its code may have put them on the path."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files = frozenset(name for name in files if name.endswith(".py"))
        parts = (part for name in self._files for part in name.split("/"))
        self.own = frozenset(part.removesuffix(".py") for part in parts)
        self._folders: dict[str, list[str]] = {}
        for name in sorted(self._files, key=lambda name: (name.count("/"), name)):
            self._add(name)

    def _add(self, file: str) -> None:
        """Note of a file all folders from which it can be imported, and by which first name."""
        parts = file.split("/")
        for depth, part in enumerate(parts):
            folder = "/".join(parts[:depth])
            known = self._folders.setdefault(part.removesuffix(".py"), [])
            if folder not in known:
                known.append(folder)

    def is_others(self, name: str) -> bool:
        top = name.partition(".")[0]
        return bool(top) and top not in self.own and top not in sys.stdlib_module_names

    def run_by(self, statement: _Statement) -> list[str]:
        """Return the files of the repo that a statement runs."""
        return [
            file
            for name in statement.modules
            for file in _paths(name, self._folder(name.partition(".")[0], statement.file))
            if file in self._files
        ]

    def _folder(self, top: str, file: str) -> str:
        """Choose among the folders that hold a module: the root, else the nearest to the file."""
        folders = self._folders.get(top, [""])
        if "" in folders or top in sys.stdlib_module_names:
            return ""
        return max(folders, key=lambda one: _nearness(one, file))


def _nearness(folder: str, file: str) -> tuple[int, int]:
    """Return how many folders two paths share, and then how few lead from there."""
    parts = folder.split("/")
    shared = len(posixpath.commonprefix([parts, file.split("/")]))
    return shared, shared - len(parts)


def _paths(name: str, folder: str) -> Iterator[str]:
    """Return the files that an import of a dotted name runs, if they are there."""
    path = folder
    for part in name.split("."):
        path = posixpath.join(path, part)
        yield f"{path}.py"
        yield f"{path}/__init__.py"


def _statements(
    file: str, when: When, sources: Sources, called: frozenset[tuple[str, int]]
) -> Iterator[_Statement]:
    try:
        body = sources.tree(file).body
        yield from _Reader(file, called).read(body, when)
    except (InvalidInputError, RecursionError):
        return  # its load will say so


class _Reader:
    """Reads the imports of one file, and under which conditions they run."""

    def __init__(self, file: str, called: frozenset[tuple[str, int]]) -> None:
        self._file = file
        self._package = file.split("/")[:-1]
        self._called = called

    def read(self, body: Sequence[ast.stmt], when: When) -> Iterator[_Statement]:
        for statement in body:
            yield from self._read_one(statement, when)

    def _read_one(self, statement: ast.stmt, when: When) -> Iterator[_Statement]:
        match statement:
            case ast.Import(names=names):
                modules = tuple(alias.name for alias in names)
                yield _Statement(modules, when, self._file, statement.lineno)
            case ast.ImportFrom() if statement.level <= len(self._package):
                yield _Statement(self._named(statement), when, self._file, statement.lineno)
            case ast.If(test=test, body=body, orelse=orelse):
                certain = truth(test)
                yield from self.read(body if certain is not False else [], _perhaps(when, certain))
                yield from self.read(orelse if not certain else [], _perhaps(when, certain))
            case ast.With(items=items) if any(map(_suppresses, items)):
                yield from self.read(statement.body, When.OPTIONAL)
            case ast.Try(handlers=[]) | ast.With() | ast.ClassDef():
                yield from self.read(_inner(statement), when)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                is_called = self._file == HUBCONF or (self._file, statement.lineno) in self._called
                later = When.CALL if is_called else When.OPTIONAL
                yield from self.read(_inner(statement), max(when, later, key=tuple(When).index))
            case _:
                yield from self.read(_inner(statement), When.OPTIONAL)

    def _named(self, statement: ast.ImportFrom) -> tuple[str, ...]:
        """Return the module that names come from, and each of them, as it may be one too."""
        around = self._package[: len(self._package) + 1 - statement.level]
        above = around if statement.level else []
        base = ".".join([*above, *([statement.module] if statement.module else [])])
        return (base, *(f"{base}.{alias.name}" for alias in statement.names))


def _suppresses(item: ast.withitem) -> bool:
    return "suppress" in ast.unparse(item.context_expr).partition("(")[0]


def _perhaps(when: When, certain: bool | None) -> When:
    return When.OPTIONAL if certain is None else when


def _inner(statement: ast.stmt) -> list[ast.stmt]:
    """Return all statements directly inside a compound one."""
    blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    parts = [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]
    return [inner for block in (*blocks, *(part.body for part in parts)) for inner in block]
