"""Tells whether a module may get names that its statements do not show.

Looks at syntax only. Errs on the side of yes: a no says that the list of names is whole.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator

_READING_METHODS = frozenset({"copy", "get", "items", "keys", "values"})
_READING_BUILTINS = frozenset({"dict", "dir", "len", "list", "print", "set", "sorted", "tuple"})
_HOOKS = frozenset({"__dir__", "__getattr__"})
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def may_grow(tree: ast.Module, bound: Container[str]) -> bool:
    """Tell whether running the module may bind more than the names in ``bound``.

    So do a written ``globals()``, ``locals()`` or ``sys.modules[__name__]``, ``exec``, a
    module's ``__getattr__``, and a ``global`` statement for a name that is not in ``bound``.
    """
    read_only = {id(inner) for node in ast.walk(tree) for inner in _only_read(node)}
    if any(_grows(node, bound) for node in ast.walk(tree) if id(node) not in read_only):
        return True
    return any(_grows_module(node) for node in _outside(tree) if id(node) not in read_only)


def _grows(node: ast.AST, bound: Container[str]) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="globals")):
            return True
        case ast.Call(func=ast.Name(id="exec"), args=[_]):  # with a namespace of its own: no
            return True
        case ast.Subscript(value=modules, slice=ast.Name(id="__name__")):
            return _is_sys_modules(modules)
        case ast.Call(func=ast.Attribute(value=modules), args=[ast.Name(id="__name__"), *_]):
            return _is_sys_modules(modules)
        case ast.Global(names=names):
            return any(not name.startswith("_") and name not in bound for name in names)
        case _:
            return False


def _is_sys_modules(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "modules"


def _grows_module(node: ast.AST) -> bool:
    """Judge a node that stands in no function: there, ``locals()`` is the module."""
    match node:
        case ast.Call(func=ast.Name(id="locals" | "vars"), args=[]):
            return True
        case ast.FunctionDef(name=name):
            return name in _HOOKS
        case _:
            return False


def _only_read(node: ast.AST) -> list[ast.expr]:
    """Return the parts of a node that it looks into and cannot change."""
    match node:
        case ast.Subscript(value=value, ctx=ast.Load()):
            return [value] if isinstance(value, ast.Call) else []
        case ast.Attribute(value=value, attr=attr) if attr in _READING_METHODS:
            return [value]
        case ast.Compare(comparators=comparators):
            return comparators
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated):
            return [iterated]
        case ast.Call(func=ast.Name(id=name), args=args) if name in _READING_BUILTINS:
            return args
        case _:
            return []


def _outside(tree: ast.Module) -> Iterator[ast.AST]:
    """Walk the module without entering functions and classes."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _INNER):
            waiting.extend(ast.iter_child_nodes(node))
