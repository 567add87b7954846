"""Follows names from module to module of one repo, without end and without running it.

Owns: the modules that were entered, and the bounds on the work of following.
Invariant: nothing here raises, whatever the repo holds; what lies beyond a bound is Unread
or UNKNOWN.
"""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hubmirror.errors import InvalidInputError
from hubmirror.hubconf.expressions import evaluate, poses
from hubmirror.hubconf.finder import Finder
from hubmirror.hubconf.growth import may_grow
from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.statements import follow
from hubmirror.hubconf.values import (
    CallableValue,
    Class,
    Either,
    Foreign,
    Function,
    Imported,
    Module,
    Opaque,
    Scope,
    Texts,
    Unread,
    Value,
    World,
)

_MAX_DEPTH = 24  # of modules entered from modules, and of calls within calls
_MAX_STEPS = 100_000  # real repos take some hundred

Follow = Callable[[Sequence[ast.stmt], Scope, World], None]


class RepoWorld:
    """The modules of one repo as they name one another: the ``World`` of evaluation.

    Args:
        sources: Its files.
        follow: What binds the names of a module that is entered.
        most_steps: The work that the repo may cause.
    """

    def __init__(
        self, sources: Sources, *, follow: Follow = follow, most_steps: int = _MAX_STEPS
    ) -> None:
        self._sources = sources
        self._enter_body = follow
        self._most_steps = most_steps
        self._finder = Finder(sources)
        self._modules: dict[str, Scope | None] = {}
        self._followed: dict[Imported, Value] = {}
        self._methods: dict[tuple[ast.ClassDef, str], Function | None] = {}
        self._depth = 0
        self._steps = 0

    @property
    def is_exhausted(self) -> bool:
        """True once something was left out because it would have been too much."""
        return self._steps >= self._most_steps or self._sources.is_exhausted

    def step(self) -> bool:
        """Spend one step of the work that a repo may cause; False when none is left."""
        self._steps += 1
        return self._steps < self._most_steps

    def module(self, file: str) -> Scope | None:
        """Return the names of a file of the repo, None when it cannot be read.

        A module that is being entered gives the names that it has so far, as in Python.
        """
        if file in self._modules or self._depth >= _MAX_DEPTH:
            return self._modules.get(file)
        try:
            tree = self._sources.tree(file)
        except InvalidInputError:
            self._modules[file] = None
            return None
        return self.enter(file, tree)

    def enter(self, file: str, tree: ast.Module) -> Scope:
        """Return the names that a parsed module of the repo binds."""
        scope = self._modules[file] = Scope(file)
        self._depth += 1
        try:
            self._enter_body(tree.body, scope, self)
        except RecursionError:
            scope.is_open = True
        self._depth -= 1
        scope.is_open = scope.is_open or may_grow(tree, scope.names)
        return scope

    def search(self, folder: str, *, first: bool) -> None:
        """Add a folder of the repo to those in which imports are looked up."""
        self._finder.search(folder, first=first)

    # Names

    def settle(self, value: Value) -> Value:
        """Resolve for a reader who stands outside: UNKNOWN for what nests too deeply."""
        try:
            return self.resolve(value)
        except RecursionError:
            return Opaque.UNKNOWN

    def resolve(self, value: Value) -> Value:
        """Follow imports and choose among branches: never Imported, never Either.

        Of several branches, the first that gives a callable counts, else the first.
        """
        match value:
            case Imported():
                if value not in self._followed:
                    self._followed[value] = Opaque.ABSENT  # what a cycle finds
                    self._followed[value] = self._follow(value)
                return self._followed[value]
            case Either(options):
                resolved = [self.resolve(option) for option in options]
                callables = (one for one in resolved if isinstance(one, CallableValue))
                present = (one for one in resolved if one is not Opaque.ABSENT)
                return next(callables, next(present, Opaque.ABSENT))
            case _:
                return value

    def attribute(self, base: Value, name: str) -> Value:
        """Return what ``base.name`` stands for."""
        match self.resolve(base):
            case Foreign(dotted):
                return Foreign(f"{dotted}.{name}" if dotted else "")
            case Module() as module:
                return self._lookup(module, name)
            case Class() as owner:
                return self._method(owner, name)
            case Function() | Opaque.UNKNOWN | Unread():
                return Opaque.UNKNOWN
            case _:
                return Opaque.PLAIN

    def star(self, imported: Imported, scope: Scope) -> None:
        """Bind what ``from module import *`` brings; what cannot be told leaves scope open."""
        found = self._finder.find(imported, imported.module)
        if found is None:
            top = imported.module.partition(".")[0]
            scope.is_open |= top not in sys.stdlib_module_names and top != "torch"
            return
        module = self.module(found.file) if found.file else Scope("")
        if module is None:
            scope.is_open = True
            return
        names, is_whole = self._exported(module)
        scope.is_open = scope.is_open or not is_whole
        for name in names:
            if not self.step():
                return
            value = module.names.get(name, Opaque.ABSENT)
            scope.bind(name, self._lookup(found, name) if value is Opaque.ABSENT else value)

    def _exported(self, module: Scope) -> tuple[Sequence[str], bool]:
        """Return the names that a star import takes, and whether those are certainly all."""
        public = [name for name in module.names if not name.startswith("_")]
        match self.resolve(module.get("__all__")):
            case Texts(names):
                return names, True
            case Opaque.ABSENT:
                return public, not module.is_open
            case _:
                return public, False

    def _lookup(self, module: Module, name: str) -> Value:
        scope = self.module(module.file) if module.file else None
        value = self.resolve(scope.get(name)) if scope else Opaque.ABSENT
        if value is not Opaque.ABSENT:
            return value
        inner = self._finder.at(posixpath.join(module.folder, name))
        if inner is not None:
            return inner
        is_whole = not module.file or (scope is not None and not scope.is_open)
        return Opaque.ABSENT if is_whole else Unread(module.file, 1)

    # Imports

    def files_of(self, imported: Imported) -> tuple[str, ...]:
        """Return the files of the repo that an import runs or may take its names from."""
        parts = imported.module.split(".") if imported.module else []
        names = [".".join(parts[:count]) for count in range(1, len(parts) + 1)] or [""]
        if imported.name:
            names.append(f"{imported.module}.{imported.name}".strip("."))
        found = (self._finder.find(imported, name) for name in names)
        return tuple(module.file for module in found if module and module.file)

    def _follow(self, imported: Imported) -> Value:
        found = self._finder.find(imported, imported.module)
        if not imported.name:
            return self._imported_module(imported, found)
        if found is not None:
            value = self._lookup(found, imported.name)
            if isinstance(value, Unread):
                return replace(value, file=imported.file, line=imported.line)
            return value
        inner = self._finder.find(imported, f"{imported.module}.{imported.name}".strip("."))
        if inner is not None:
            return inner
        top = imported.module.partition(".")[0]
        if imported.level or self._finder.find(imported, top):
            return Opaque.UNKNOWN  # compiled, generated, or in a submodule of git
        return Foreign(f"{imported.module}.{imported.name}")

    def _imported_module(self, imported: Imported, found: Module | None) -> Value:
        top = imported.module.partition(".")[0]
        if not imported.top:
            return found or Foreign(imported.module)
        at_top = self._finder.find(imported, top)
        if at_top is None and found is not None:
            depth = imported.module.count(".")
            return Module("/".join(found.folder.split("/")[:-depth]), "")
        return at_top or Foreign(top)

    # Calls and classes

    def call(self, function: Function, arguments: Mapping[str, Value]) -> Value:
        """Return what a function of the repo gives back for these arguments."""
        if self._depth >= _MAX_DEPTH:
            return Opaque.UNKNOWN
        body = Scope(function.file, self._modules.get(function.file))
        for parameter in ast.walk(function.node.args):
            if isinstance(parameter, ast.arg):
                body.bind(parameter.arg, arguments.get(parameter.arg, Opaque.UNKNOWN))
        self._depth += 1
        try:
            if isinstance(function.node, ast.Lambda):
                return self.resolve(evaluate(function.node.body, body, self))
            follow(function.node.body, body, self)
        except RecursionError:
            return Opaque.UNKNOWN
        finally:
            self._depth -= 1
        return self._likeliest(body.returned)

    def _likeliest(self, returned: Sequence[Value]) -> Value:
        callables = [value for value in returned if isinstance(value, CallableValue)]
        if callables:
            return callables[0]
        known = [value for value in returned if value is not Opaque.UNKNOWN]
        if len(known) < len(returned):
            return Opaque.UNKNOWN
        return known[0] if known else Opaque.PLAIN

    def member(self, owner: Class, name: str) -> Function | None:
        """Return a method of a class of the repo, its own or inherited."""
        key = (owner.node, name)
        if key not in self._methods:
            self._methods[key] = None  # what a cycle finds
            self._methods[key] = self._member(owner, name)
        return self._methods[key]

    def _member(self, owner: Class, name: str) -> Function | None:
        for statement in owner.node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                return Function(owner.file, statement)
        scope = self._modules.get(owner.file) or Scope(owner.file)
        for node in owner.node.bases:
            base = self.resolve(evaluate(node, scope, self))
            found = self.member(base, name) if isinstance(base, Class) else None
            if found is not None:
                return found
        return None

    def as_called(self, function: Function) -> Function:
        """Return the function that callers really call once decorators of the repo are on."""
        if isinstance(function.node, ast.Lambda):
            return function
        scope = self._modules.get(function.file) or Scope(function.file)
        shown = function
        for node in reversed(function.node.decorator_list):
            decorator = self.resolve(evaluate(node, scope, self))
            if isinstance(decorator, Function) and decorator.node.args.args:
                first = decorator.node.args.args[0].arg
                given = self.call(decorator, {first: shown})
                shown = given if isinstance(given, Function) and not poses(given) else shown
        return shown

    def _method(self, owner: Class, name: str) -> Value:
        method = self.member(owner, name)
        if method is None or isinstance(method.node, ast.Lambda):
            return Opaque.UNKNOWN
        decorators = (d.id for d in method.node.decorator_list if isinstance(d, ast.Name))
        return replace(method, bound=1) if "classmethod" in decorators else method
