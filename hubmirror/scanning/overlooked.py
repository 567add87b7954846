"""Goes through the calls that fetch and that nobody was seen to make.

A way into a branch may not be found, or be too long: what is fetched there is told with what the
module alone knows of it. Names that a function binds stand for themselves.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator

from hubmirror.hubconf import statements as names_only
from hubmirror.hubconf.values import Foreign, Scope
from hubmirror.scanning import sinks, syntax
from hubmirror.scanning.asking import Arguments, SpentError
from hubmirror.scanning.collecting import Collector
from hubmirror.scanning.findings import Place
from hubmirror.scanning.machine import RepoMachine
from hubmirror.scanning.values import Hole

_STEPS_OF_A_CALL = 2_000


def look(tree: ast.Module, module: Scope, machine: RepoMachine, collector: Collector) -> None:
    """Tell the collector of the calls of a module that it has not heard of."""
    bound = _names_of_functions(tree, module, machine)
    for call in _calls(tree):
        place = Place(module.file, call.lineno)
        if not collector.has_heard_of(place):
            machine.restart(_STEPS_OF_A_CALL)
            with contextlib.suppress(SpentError, RecursionError):
                _tell(call, place, bound, machine, collector)


def _tell(
    call: ast.Call, place: Place, scope: Scope, machine: RepoMachine, collector: Collector
) -> None:
    match machine.evaluate(call.func, scope):
        case Foreign(name) | Hole(name) if sinks.is_download(name):
            given = Arguments(
                [machine.evaluate(one, scope) for one in call.args],
                {one.arg: machine.evaluate(one.value, scope) for one in call.keywords if one.arg},
            )
            collector.called(name, given, place)
        case _:
            pass


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Go through the calls of names and attributes, except those of a module that is run."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        match node := waiting.pop():
            case ast.If(test=test, orelse=orelse) if syntax.fixed(test) is False:
                waiting.extend(orelse)
                continue
            case ast.Call(func=function) if _is_dotted(function):
                yield node
            case _:
                pass
        waiting.extend(ast.iter_child_nodes(node))


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _names_of_functions(tree: ast.Module, module: Scope, machine: RepoMachine) -> Scope:
    """Return the names of a module with those that its functions bind and import."""
    scope = module.branch()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for function in (node for node in ast.walk(tree) if isinstance(node, functions)):
        for node in ast.walk(function):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    scope.bind(name, Hole(name))
                case ast.Import() | ast.ImportFrom():
                    names_only.follow([node], scope, machine.world)
                case _:
                    pass
    return scope
