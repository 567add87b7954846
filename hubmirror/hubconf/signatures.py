"""Describes callables as ``inspect.signature`` would, from their source.

Defaults and annotations are shown as written and never evaluated.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator
from inspect import Parameter, Signature

from hubmirror.hubconf.about import Entrypoint
from hubmirror.hubconf.values import CallableValue, Class, Function, Partial, Unread, Value
from hubmirror.hubconf.world import RepoWorld


class _Source:
    """Source text that shows itself as it is written where a default's value would stand."""

    def __init__(self, node: ast.expr) -> None:
        self._text = ast.unparse(node)

    def __repr__(self) -> str:
        return self._text


def describe(name: str, value: CallableValue, world: RepoWorld) -> Entrypoint:
    """Return the entrypoint that this callable is under this name."""
    text = doc = ""
    try:
        doc = _doc(value)
        signature = _signature(value, world)
        text = str(signature) if signature else ""
    except (ValueError, TypeError, RecursionError):  # what Python itself would refuse later
        pass
    file, line = _place(value)
    return Entrypoint(name=name, signature=text, doc=doc, file=file, line=line)


def _place(value: CallableValue) -> tuple[str, int]:
    match value:
        case Function() | Class():
            return value.file, value.node.lineno
        case Partial() | Unread():
            return value.file, value.line


def _doc(value: Value) -> str:
    match value:
        case Function(node=ast.FunctionDef() | ast.AsyncFunctionDef() as node) | Class(node=node):
            return ast.get_docstring(node) or ""
        case Partial(inner=inner):
            return _doc(inner)
        case _:
            return ""


def _signature(value: Value, world: RepoWorld) -> Signature | None:
    match value:
        case Function():
            return _of_function(value if value.bound else world.as_called(value))
        case Class():
            return _of_class(value, world)
        case Partial():
            return _of_partial(value, world)
        case _:
            return None


def _of_function(function: Function) -> Signature:
    parameters = list(_parameters(function.node.args))
    returns = None if isinstance(function.node, ast.Lambda) else function.node.returns
    kept = parameters
    if function.bound and parameters and parameters[0].kind is not Parameter.VAR_POSITIONAL:
        kept = parameters[function.bound :]
    shown = Signature.empty if returns is None else _Source(returns)
    return Signature(kept, return_annotation=shown)


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    defaults = [None] * missing + arguments.defaults
    for index, (argument, default) in enumerate(zip(positional, defaults, strict=True)):
        is_only = index < len(arguments.posonlyargs)
        kind = Parameter.POSITIONAL_ONLY if is_only else Parameter.POSITIONAL_OR_KEYWORD
        yield _parameter(argument, kind, default)
    if arguments.vararg:
        yield _parameter(arguments.vararg, Parameter.VAR_POSITIONAL, None)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, Parameter.KEYWORD_ONLY, default)
    if arguments.kwarg:
        yield _parameter(arguments.kwarg, Parameter.VAR_KEYWORD, None)


def _parameter(
    argument: ast.arg, kind: inspect._ParameterKind, default: ast.expr | None
) -> Parameter:
    return Parameter(
        argument.arg,
        kind,
        default=Parameter.empty if default is None else _Source(default),
        annotation=Parameter.empty if argument.annotation is None else _Source(argument.annotation),
    )


def _of_class(made: Class, world: RepoWorld) -> Signature | None:
    """Return what the class is called with; None when a base or decorator decides that."""
    for name in ("__init__", "__new__"):
        method = world.member(made, name)
        if method is not None:
            signature = _of_function(Function(method.file, method.node, bound=1))
            return signature.replace(return_annotation=Signature.empty)
    return None if made.node.bases or made.node.decorator_list else Signature()


def _of_partial(partial: Partial, world: RepoWorld) -> Signature | None:
    """Let functools and inspect take the given arguments out of the signature."""
    signature = _signature(partial.inner, world)
    if signature is None or partial.positional is None or partial.keywords is None:
        return None

    def stands_in(*args: object, **kwargs: object) -> None:
        """Take any arguments; its signature is the one set below."""

    stands_in.__signature__ = signature  # type: ignore[attr-defined]  # inspect reads it
    given = [None] * partial.positional
    named = {name: _Source(value) for name, value in partial.keywords.items()}
    return inspect.signature(functools.partial(stands_in, *given, **named))
