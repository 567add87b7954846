"""Follows statements and keeps the names that they bind.

Runs nothing: branches are all taken and joined, loops are taken once. Knows nothing of
files; imports are bound as they are written and followed by whoever asks for the name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from hubmirror.hubconf.expressions import evaluate
from hubmirror.hubconf.values import (
    Class,
    Foreign,
    Function,
    Imported,
    Opaque,
    Scope,
    Text,
    Texts,
    Value,
    World,
    texts,
)


def follow(body: Sequence[ast.stmt], scope: Scope, world: World) -> None:
    """Bind in ``scope`` what these statements bind."""
    follower = _Follower(scope, world)
    for statement in body:
        follower.visit(statement)


class _Follower(ast.NodeVisitor):
    def __init__(self, scope: Scope, world: World) -> None:
        self._scope = scope
        self._world = world

    def visit(self, node: ast.AST) -> None:
        if self._world.step():
            super().visit(node)
        else:
            self._scope.is_open = True

    def generic_visit(self, node: ast.AST) -> None:
        """Pass over statements that bind no name."""

    def _value(self, node: ast.expr) -> Value:
        return evaluate(node, self._scope, self._world)

    # Definitions and imports

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._scope.bind(node.name, Function(self._scope.file, node))

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.bind(node.name, Class(self._scope.file, node))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.asname is None
            name = alias.name.partition(".")[0] if top else str(alias.asname)
            imported = Imported(self._scope.file, node.lineno, 0, alias.name, top=top)
            self._scope.bind(name, imported)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            source = (self._scope.file, node.lineno, node.level, node.module or "")
            if alias.name == "*":
                self._world.star(Imported(*source), self._scope)
            else:
                self._scope.bind(alias.asname or alias.name, Imported(*source, name=alias.name))

    # Assignments

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if self._is_search_path(node.target):
            self._search(node.value, first=False)
        elif isinstance(node.target, ast.Name):
            name = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
            sum_ = ast.copy_location(ast.BinOp(name, node.op, node.value), node)
            self._scope.bind(node.target.id, self._value(sum_))

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for name in _names(target):
                self._scope.bind(name, Opaque.ABSENT)

    def _assign(self, target: ast.expr, source: ast.expr) -> None:
        match target, source:
            case ast.Name(id=name), _:
                self._scope.bind(name, self._value(source))
            case (
                (ast.Tuple(elts=names) | ast.List(elts=names)),
                (ast.Tuple(elts=parts) | ast.List(elts=parts)),
            ) if len(names) == len(parts) and not _has_star([*names, *parts]):
                for name_node, part in zip(names, parts, strict=True):
                    self._assign(name_node, part)
            case _:
                value = self._world.resolve(self._value(source))
                unknown = value is Opaque.UNKNOWN
                self._bind_all(target, Opaque.UNKNOWN if unknown else Opaque.PLAIN)

    def _bind_all(self, target: ast.expr, value: Value) -> None:
        for name in _names(target):
            self._scope.bind(name, value)

    # Calls for their effect

    def visit_Expr(self, node: ast.Expr) -> None:
        match node.value:
            case ast.Call(
                func=ast.Attribute(value=owner, attr="append" | "extend" | "insert" as method),
                args=[*_, last],
            ):
                if self._is_search_path(owner):
                    self._search(last, first=method == "insert")
                elif method != "insert" and isinstance(owner, ast.Name):
                    self._lengthen(owner, last, one=method == "append")
            case ast.Call() as call:
                self._value(call)
            case _:  # a docstring, an ellipsis
                pass

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self._scope.returned.append(self._world.resolve(self._value(node.value)))

    def _is_search_path(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Attribute | ast.Name):
            return False
        return self._world.resolve(self._value(node)) == Foreign("sys.path")

    def _search(self, node: ast.expr, *, first: bool) -> None:
        match self._world.resolve(self._value(node)):
            case Text(folder):
                self._world.search(folder, first=first)
            case Texts(folders):
                for folder in folders:
                    self._world.search(folder, first=first)
            case _:
                pass

    def _lengthen(self, owner: ast.Name, node: ast.expr, *, one: bool) -> None:
        held = self._world.resolve(self._scope.get(owner.id))
        if not isinstance(held, Texts):
            return
        match self._world.resolve(self._value(node)):
            case Text(item) if one:
                self._scope.bind(owner.id, texts((*held.items, item)))
            case Texts(items) if not one:
                self._scope.bind(owner.id, texts(held.items + items))
            case _:
                self._scope.bind(owner.id, Opaque.PLAIN)

    # Branches

    def _branch(self, body: Sequence[ast.stmt]) -> Scope:
        branch = self._scope.branch()
        follow(body, branch, self._world)
        return branch

    def visit_If(self, node: ast.If) -> None:
        certain = truth(node.test)
        if certain is not None:
            follow(node.body if certain else node.orelse, self._scope, self._world)
        elif node.orelse:
            self._scope.join([self._branch(node.body), self._branch(node.orelse)])
        else:
            self._scope.join([self._scope.branch(), self._branch(node.body)])

    def visit_Try(self, node: ast.Try) -> None:
        self._try(node)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self._try(node)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        body = self._branch(node.body)
        follow(node.orelse, body, self._world)
        handled = [self._branch(handler.body) for handler in node.handlers]
        self._scope.join([body, *handled])
        follow(node.finalbody, self._scope, self._world)

    def visit_For(self, node: ast.For) -> None:
        self._bind_all(node.target, Opaque.PLAIN)
        self._scope.join([self._scope.branch(), self._branch(node.body)])
        follow(node.orelse, self._scope, self._world)

    def visit_While(self, node: ast.While) -> None:
        self._scope.join([self._scope.branch(), self._branch(node.body)])
        follow(node.orelse, self._scope, self._world)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self._value(item.context_expr)
            if item.optional_vars is not None:
                self._bind_all(item.optional_vars, Opaque.PLAIN)
        follow(node.body, self._scope, self._world)

    def visit_Match(self, node: ast.Match) -> None:
        cases = [self._branch(case.body) for case in node.cases]
        self._scope.join([*cases, self._scope.branch()])


def _names(target: ast.expr) -> Iterable[str]:
    return [
        node.id
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]


def _has_star(nodes: Iterable[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)


def truth(test: ast.expr) -> bool | None:
    """Decide a condition that is the same on every machine; None for any other."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]):
            return False
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            certain = truth(operand)
            return None if certain is None else not certain
        case _:
            return None
