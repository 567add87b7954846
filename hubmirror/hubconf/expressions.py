"""Tells what an expression stands for: a definition, a path, a list of names, or nothing known.

Knows nothing of statements or files. Takes no side: what is not understood is PLAIN when it
can only be data, UNKNOWN when it may be a callable.
"""

from __future__ import annotations

import ast
import builtins
import posixpath
from collections.abc import Iterable

from hubmirror.hubconf.values import (
    CallableValue,
    Class,
    Foreign,
    Function,
    Imported,
    Opaque,
    Partial,
    Scope,
    Text,
    Texts,
    Unread,
    Value,
    World,
    either,
    text,
    texts,
)

_JOINS = frozenset({"os.path.join", "posixpath.join", "builtins.str", "os.fspath"})
_DIRNAMES = frozenset({"os.path.dirname", "posixpath.dirname"})
_SAME_PATH = frozenset({"abspath", "expanduser", "normpath", "realpath"})
_PATH_CLASSES = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath"})
_PATH_METHODS = frozenset({"absolute", "as_posix", "expanduser", "joinpath", "resolve"})
_SEQUENCES = frozenset(f"builtins.{name}" for name in ("list", "tuple", "set", "sorted"))
_PARTIALS = frozenset({"functools.partial", "functools.partialmethod"})
_IMPORTS = frozenset({"importlib.import_module", "builtins.__import__"})
_MAY_GIVE_CALLABLES = frozenset({"builtins.eval", "builtins.getattr", "builtins.type"})


def evaluate(node: ast.expr, scope: Scope, world: World) -> Value:
    """Return what the expression stands for in this scope."""
    return _Evaluator(scope, world).visit(node)


class _Evaluator(ast.NodeVisitor):
    def __init__(self, scope: Scope, world: World) -> None:
        self._scope = scope
        self._world = world

    def visit(self, node: ast.AST) -> Value:
        if not self._world.step():
            return Opaque.UNKNOWN
        value: Value = super().visit(node)
        return value

    def _resolved(self, node: ast.expr) -> Value:
        return self._world.resolve(self.visit(node))

    def generic_visit(self, node: ast.AST) -> Value:  # numbers, dicts, comprehensions
        return Opaque.PLAIN

    def visit_Constant(self, node: ast.Constant) -> Value:
        return Text(node.value) if isinstance(node.value, str) else Opaque.PLAIN

    def visit_Name(self, node: ast.Name) -> Value:
        value = self._scope.get(node.id)
        if value is not Opaque.ABSENT:
            return value
        if node.id == "__file__":
            return Text(f"/{self._scope.file}")
        return Foreign(f"builtins.{node.id}") if hasattr(builtins, node.id) else Opaque.UNKNOWN

    def visit_Attribute(self, node: ast.Attribute) -> Value:
        base = self._resolved(node.value)
        if isinstance(base, Text):
            is_parent = node.attr == "parent"
            return Text(posixpath.dirname(base.text)) if is_parent else Opaque.PLAIN
        return self._world.attribute(base, node.attr)

    def visit_Lambda(self, node: ast.Lambda) -> Value:
        return Function(self._scope.file, node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.visit(node.value)
        self._scope.bind(node.target.id, value)
        return value

    def visit_IfExp(self, node: ast.IfExp) -> Value:
        return either((self.visit(node.body), self.visit(node.orelse)))

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        return either(self.visit(value) for value in node.values)

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        match self._resolved(node.value):
            case Foreign("sys.path"):
                return Text("/")  # torch puts the repo first
            case Foreign():
                return Foreign("")
            case Text() | Texts():
                return Opaque.PLAIN
            case _:
                return Opaque.UNKNOWN

    def visit_List(self, node: ast.List) -> Value:
        return self._texts(node.elts)

    def visit_Tuple(self, node: ast.Tuple) -> Value:
        return self._texts(node.elts)

    def visit_Set(self, node: ast.Set) -> Value:
        return self._texts(node.elts)

    def _texts(self, nodes: Iterable[ast.expr]) -> Value:
        items: list[str] = []
        for node in nodes:
            value = self._resolved(node.value if isinstance(node, ast.Starred) else node)
            match value:
                case Text(item) if not isinstance(node, ast.Starred):
                    items.append(item)
                case Texts(more) if isinstance(node, ast.Starred):
                    items += more
                case _:
                    return Opaque.PLAIN
        return texts(tuple(items))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Value:
        joined = ""
        for part in node.values:
            value = self._resolved(part.value if isinstance(part, ast.FormattedValue) else part)
            if not isinstance(value, Text):
                return Opaque.PLAIN
            joined += value.text
        return text(joined)

    def visit_BinOp(self, node: ast.BinOp) -> Value:
        match node.op, self._resolved(node.left), self._resolved(node.right):
            case ast.Add(), Text(left), Text(right):
                return text(left + right)
            case ast.Add(), Texts(some), Texts(more):
                return texts(some + more)
            case ast.Div(), Text(left), Text(right):
                return text(posixpath.join(left, right))
            case _:
                return Opaque.PLAIN

    def visit_Call(self, node: ast.Call) -> Value:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _PATH_METHODS:
            base = self._resolved(node.func.value)
            if isinstance(base, Text):
                return self._joined([base, *map(self._resolved, node.args)])
        match self._resolved(node.func):
            case Foreign(name):
                return self._call_foreign(name, node)
            case Function() as function:
                return self._call_function(function, node)
            case Class() as made:
                return self._instance(made)
            case Opaque.PLAIN:
                return Opaque.PLAIN
            case _:
                return Opaque.UNKNOWN

    def _call_foreign(self, name: str, node: ast.Call) -> Value:
        if name in _PARTIALS and node.args:
            return self._partial(node)
        arguments = [self._resolved(argument) for argument in node.args]
        path = self._call_for_path(name, arguments)
        if path is not None:
            return path
        match name, arguments:
            case _, [Texts() as same] if name in _SEQUENCES:
                return same
            case _, [Text(module)] if name in _IMPORTS and module:
                return Imported(self._scope.file, node.lineno, 0, module)
            case "builtins.getattr", [base, Text(attribute), *_]:
                return self._world.attribute(base, attribute)
            case _ if name.startswith("builtins."):
                may_be = name in _MAY_GIVE_CALLABLES and len(arguments) != 1
                return Opaque.UNKNOWN if may_be or name == "builtins.eval" else Opaque.PLAIN
            case _, [(Function() | Class() | Partial() | Unread()) as wrapped]:
                return wrapped  # a decorator, written as a call
            case _:
                return Foreign("")

    def _call_for_path(self, name: str, arguments: list[Value]) -> Value | None:
        if name in _JOINS or name in _PATH_CLASSES:
            return self._joined(arguments)
        head, _, tail = name.rpartition(".")
        if head in ("os.path", "posixpath") and tail in _SAME_PATH:
            return self._joined(arguments[:1])
        if name in _DIRNAMES and arguments and isinstance(arguments[0], Text):
            return Text(posixpath.dirname(arguments[0].text))
        return None

    def _joined(self, parts: Iterable[Value]) -> Value:
        joined = ""
        for part in parts:
            if not isinstance(part, Text):
                return Opaque.PLAIN
            joined = posixpath.join(joined, part.text)
        return text(joined)

    def _partial(self, node: ast.Call) -> Value:
        inner = self._resolved(node.args[0])
        given = node.args[1:]
        hidden = any(isinstance(argument, ast.Starred) for argument in given)
        named = {word.arg: word.value for word in node.keywords if word.arg is not None}
        return Partial(
            self._scope.file,
            node.lineno,
            inner,
            None if hidden else len(given),
            named if len(named) == len(node.keywords) else None,
        )

    def _call_function(self, function: Function, node: ast.Call) -> Value:
        """Follow a factory or a decorator of the repo into what it returns."""
        arguments = [self._resolved(argument) for argument in node.args]
        given = self._world.call(function, self._bound(function, node, arguments))
        decorated = arguments[0] if len(arguments) == 1 else None
        if not isinstance(decorated, CallableValue):
            return given
        if given is Opaque.UNKNOWN or (isinstance(given, Function) and poses(given)):
            return decorated
        return given

    def _bound(self, function: Function, node: ast.Call, values: list[Value]) -> dict[str, Value]:
        signature = function.node.args
        names = [parameter.arg for parameter in (*signature.posonlyargs, *signature.args)]
        bound = dict(zip(names[function.bound :], values, strict=False))
        named = {word.arg: word.value for word in node.keywords if word.arg is not None}
        return bound | {name: self._resolved(value) for name, value in named.items()}

    def _instance(self, made: Class) -> Value:
        called = self._world.member(made, "__call__")
        if called is not None:
            return Function(called.file, called.node, bound=1)
        return Opaque.UNKNOWN if made.node.bases else Opaque.PLAIN


def poses(wrapper: Function) -> bool:
    """Tell whether what a decorator returned poses as what was decorated.

    It does so by ``functools.wraps``, or by passing on whatever it is given.
    """
    arguments = wrapper.node.args
    if not (arguments.posonlyargs or arguments.args or arguments.kwonlyargs):
        return True
    if isinstance(wrapper.node, ast.Lambda):
        return False
    decorators = (
        decorator.func
        for decorator in wrapper.node.decorator_list
        if isinstance(decorator, ast.Call)
    )
    return any(
        (isinstance(name, ast.Name) and name.id == "wraps")
        or (isinstance(name, ast.Attribute) and name.attr == "wraps")
        for name in decorators
    )
