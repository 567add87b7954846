"""The one verb: tells what a repo needs, from its files alone.

Owns the order: hubconf.py and what it imports, then its entrypoints call by call, then the
functions that none of them was seen to call, then what is written elsewhere in the repo.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hubmirror.errors import InvalidInputError
from hubmirror.hubconf import Hubconf, read_hubconf
from hubmirror.hubconf.read import HUBCONF
from hubmirror.hubconf.requirements import requirement_lines
from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.values import Class, Function, Scope, Text
from hubmirror.scanning import elsewhere, overlooked, surroundings
from hubmirror.scanning.closure import modules_like, reached
from hubmirror.scanning.collecting import Collector
from hubmirror.scanning.exploring import Budget, explore, sweep
from hubmirror.scanning.findings import Confidence, Finding, Kind, Place, Scan
from hubmirror.scanning.machine import RepoMachine
from hubmirror.scanning.paths import matches
from hubmirror.scanning.relevance import Relevance
from hubmirror.scanning.trees import Origin, Tree
from hubmirror.scanning.values import Instance, Method, Pattern

_MOST_ROUNDS = 3  # of modules that only following finds


def scan(tree: Tree, origin: Origin) -> Scan:
    """Tell what a repo needs; whatever is in it, nothing of it is run."""
    return _Scan(tree, origin).run()


class _Scan:
    def __init__(self, tree: Tree, origin: Origin) -> None:
        self._tree = tree
        self._origin = origin
        self._sources = Sources(tree.read)
        self._collector = Collector(self._configs)
        self._machine = RepoMachine(self._sources, self._collector)
        self._budget = Budget()
        self._files: dict[str, str] = {}

    def run(self) -> Scan:
        hubconf, problem = _read(self._tree)
        self._follow(hubconf)
        self._look_elsewhere()
        for finding in (
            *surroundings.submodules(self._tree),
            *surroundings.large_files(self._tree),
        ):
            self._collector.add(finding)
        for finding in self._unread(problem):
            self._collector.add(finding)
        licence = surroundings.find_licence(self._tree)
        return Scan(
            title=self._origin.title,
            url=self._origin.url,
            ref=self._origin.ref,
            commit=self._origin.commit,
            default_branch=self._origin.default_branch,
            hubconf=hubconf,
            findings=tuple(sorted(self._kept(), key=_order)),
            licence=licence.name,
            licence_file=licence.file,
            requirements=requirement_lines(self._sources),
            is_bounded=self._is_bounded(),
        )

    def _is_bounded(self) -> bool:
        return self._machine.world.is_exhausted or self._collector.is_full or not self._budget.left

    # What hubconf.py leads to

    def _follow(self, hubconf: Hubconf | None) -> None:
        self._enter([HUBCONF])
        scope = self._machine.world.module(HUBCONF)
        for entrypoint in hubconf.entrypoints if hubconf else ():
            value = self._machine.resolve(scope.get(entrypoint.name)) if scope else None
            if value is not None:
                explore(entrypoint.name, value, self._machine, self._collector, self._budget)
        for _ in range(_MOST_ROUNDS):
            known = len(self._files)
            self._sweep()
            self._enter(modules_like(self._collector.modules, self._tree.paths))
            if len(self._files) == known:
                break
        self._look_for_overlooked()

    def _enter(self, files: Sequence[str]) -> None:
        """Read the modules that these files lead to, for nobody in particular."""
        self._collector.begin(None, Confidence.LIKELY)
        self._files |= reached(files, self._sources, self._machine.world)
        read = [file for file, problem in self._files.items() if not problem]
        for file in read:
            self._machine.world.module(file)
        self._machine.relevance = Relevance(self._sources.tree(file) for file in read)

    def _sweep(self) -> None:
        for file, problem in self._files.items():
            scope = None if problem else self._machine.world.module(file)
            for function in _functions(self._sources.tree(file), file, scope) if scope else ():
                node = function.function.node if isinstance(function, Method) else function.node
                if node not in self._machine.followed and self._machine.relevance.concerns(node):
                    sweep(function, self._machine, self._collector, self._budget)

    def _look_for_overlooked(self) -> None:
        self._collector.begin(None, Confidence.LIKELY)
        for file, problem in self._files.items():
            scope = None if problem else self._machine.world.module(file)
            if scope:
                tree = self._sources.tree(file)
                overlooked.look(tree, scope, self._machine, self._collector)

    def _configs(self, subject: Text | Pattern) -> Sequence[str]:
        """Return the files of the repo that a path may stand for."""
        if isinstance(subject, Text):
            path = subject.text.lstrip("/")
            return [path] if path in self._tree.paths else []
        rooted = [f"/{path}" for path in self._tree.paths]
        return [path.lstrip("/") for path in matches(subject, rooted)]

    # What is written elsewhere

    def _look_elsewhere(self) -> None:
        self._collector.begin(None, Confidence.LIKELY)
        read = [file for file, problem in self._files.items() if not problem]
        configs = [one for one in self._collector.findings() if one.kind is Kind.CONFIG]
        for file in read:
            tree = self._sources.tree(file)
            for finding in elsewhere.in_tree(tree, file, Confidence.LIKELY):
                self._collector.add(finding)
            for finding in elsewhere.data_in(tree, file):
                self._collector.add(finding)
        for config in configs:
            calls = () if config.confidence is Confidence.POSSIBLE else config.calls
            for finding in elsewhere.in_config(self._tree, config.subject, Confidence.LIKELY):
                self._collector.add(replace(finding, calls=calls))
        named = {config.subject for config in configs}
        for finding in elsewhere.in_code(self._tree, read):
            self._collector.add(finding)
        for finding in elsewhere.in_configs(self._tree, named):
            self._collector.add(finding)

    def _unread(self, problem: str) -> Iterator[Finding]:
        files = [(file, why) for file, why in self._files.items() if why]
        if problem and HUBCONF not in dict(files):
            files.append((HUBCONF, problem))
        for file, why in [*files, *self._tree.left_out]:
            yield Finding(Kind.UNREAD, file, why, Place(file, 0), Confidence.CERTAIN)

    def _kept(self) -> Iterator[Finding]:
        """Leave out that a repo loads itself, which its own demos do."""
        own = self._origin.title.lower()
        for finding in self._collector.findings():
            name = finding.subject.partition(":")[0].lower()
            if finding.kind is not Kind.REPO or name != own:
                yield finding


def _read(tree: Tree) -> tuple[Hubconf | None, str]:
    try:
        return read_hubconf(tree.read), ""
    except InvalidInputError as error:
        return None, error.message


def _functions(tree: ast.Module, file: str, scope: Scope) -> Iterator[Function | Method]:
    """Go through the functions of a module, and the methods of its classes."""
    waiting: list[tuple[ast.AST, Class | None]] = [(tree, None)]
    while waiting:
        node, owner = waiting.pop(0)
        for inner in ast.iter_child_nodes(node):
            match inner:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    yield _function(Function(file, inner, within=scope), owner)
                case ast.ClassDef():
                    waiting.append((inner, Class(file, inner)))
                case ast.If() | ast.Try():
                    waiting.append((inner, owner))
                case _:
                    pass


def _function(function: Function, owner: Class | None) -> Function | Method:
    node = function.node
    decorators = [] if isinstance(node, ast.Lambda) else map(ast.unparse, node.decorator_list)
    if owner is None or "staticmethod" in decorators:
        return function
    return Method(function, owner, Instance(owner))


def _order(finding: Finding) -> tuple[int, int, str, int, str]:
    kinds, levels = tuple(Kind), tuple(Confidence)
    place = finding.place
    ranks = kinds.index(finding.kind), levels.index(finding.confidence)
    return (*ranks, place.file, place.line, finding.subject)
