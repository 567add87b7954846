"""Follows statements with their data: what they bind, and where they lead.

Takes the one branch that is taken where that is known, and both where it is not; goes
through loops whose elements are known.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hubmirror.hubconf import statements as names_only
from hubmirror.hubconf.values import Foreign, Function, Opaque, Scope, Value
from hubmirror.scanning import containers, syntax
from hubmirror.scanning.asking import Arguments, Flow, Machine
from hubmirror.scanning.expressions import glance
from hubmirror.scanning.findings import Place
from hubmirror.scanning.values import (
    UNKNOWN,
    Hole,
    Instance,
    Items,
    Table,
    one_of,
    plain,
    truth,
)

_MOST_ROUNDS = 500
_MOST_TURNS = 16  # of a ``while``


def execute(body: Sequence[ast.stmt], scope: Scope, machine: Machine) -> Flow:
    """Follow statements, and say where code goes on behind them."""
    executor = _Executor(scope, machine)
    for statement in body:
        flow = executor.visit(statement)
        if flow is not Flow.NEXT:
            return flow
    return Flow.NEXT


class _Executor(ast.NodeVisitor):
    def __init__(self, scope: Scope, machine: Machine) -> None:
        self._scope = scope
        self._machine = machine

    def visit(self, node: ast.AST) -> Flow:
        self._machine.step()
        flow = super().visit(node)
        return flow if isinstance(flow, Flow) else Flow.NEXT

    def generic_visit(self, node: ast.AST) -> None:
        """Pass over statements that do nothing which matters here."""

    def _value(self, node: ast.expr) -> Value:
        return self._machine.evaluate(node, self._scope)

    def _names_only(self, node: ast.stmt) -> None:
        names_only.follow([node], self._scope, self._machine.world)

    # Definitions and imports

    def visit_Import(self, node: ast.Import) -> None:
        self._names_only(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._names_only(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._names_only(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        function = Function(self._scope.file, node, within=self._scope)
        self._scope.bind(node.name, function)
        for decorator in reversed(node.decorator_list):
            self._decorate(decorator, function)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def _decorate(self, decorator: ast.expr, function: Function) -> None:
        """Let a decorator of the repo note what it decorates; its wrapper is not used."""
        found = plain(self._value(decorator))
        if isinstance(found, Function):
            place = Place(self._scope.file, decorator.lineno)
            self._machine.call(found, Arguments([function]), place)

    # Assignments

    def visit_Assign(self, node: ast.Assign) -> None:
        value = self._value(node.value)
        for target in node.targets:
            self._assign(target, value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, self._value(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name | ast.Attribute):
            read = ast.copy_location(syntax.reading(node.target), node)
            total = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
            self._assign(node.target, self._value(total))

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._scope.bind(target.id, Opaque.ABSENT)

    def _assign(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(id=name):
                self._scope.bind(name, value)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                self._unpack(targets, value)
            case ast.Starred(value=inner):
                self._assign(inner, UNKNOWN)
            case ast.Attribute(value=owner, attr=name):
                held = plain(self._value(owner))
                if isinstance(held, Instance):
                    held.attributes[name] = value
            case ast.Subscript(value=owner, slice=index):
                self._put(plain(self._value(owner)), index, value)
            case _:
                pass

    def _unpack(self, targets: Sequence[ast.expr], value: Value) -> None:
        held = containers.elements(value)
        is_known = held is not None and len(held) == len(targets)
        for index, target in enumerate(targets):
            hole = Hole(target.id) if isinstance(target, ast.Name) else UNKNOWN
            self._assign(target, held[index] if held is not None and is_known else hole)

    def _put(self, owner: Value, index: ast.expr, value: Value) -> None:
        match owner:
            case Table() as table:
                table.put(self._value(index), value)
            case Items() as items:
                items.is_open = True
            case _:
                pass

    # Calls for their effect, and ways out

    def visit_Expr(self, node: ast.Expr) -> None:
        match node.value:
            case ast.Constant():  # a docstring
                pass
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="path") as owner, attr=_)
            ) if self._value(owner) == Foreign("sys.path"):
                self._names_only(node)
            case _:
                self._value(node.value)

    def visit_Return(self, node: ast.Return) -> Flow:
        value = self._value(node.value) if node.value else None
        if value is not None:
            self._scope.returned.append(value)
        return Flow.STOP

    def visit_Raise(self, _: ast.Raise) -> Flow:
        return Flow.STOP

    def visit_Assert(self, node: ast.Assert) -> Flow:
        return Flow.STOP if truth(self._value(node.test)) is False else Flow.NEXT

    def visit_Continue(self, _: ast.Continue) -> Flow:
        return Flow.CONTINUE

    def visit_Break(self, _: ast.Break) -> Flow:
        return Flow.BREAK

    # Branches

    def _branch(self, body: Sequence[ast.stmt]) -> tuple[Scope, Flow]:
        branch = self._scope.branch()
        return branch, execute(body, branch, self._machine)

    def _join(self, branches: Sequence[tuple[Scope, Flow]]) -> Flow:
        """Take over what the branches bind that go on, and say where they go."""
        going = [branch for branch, flow in branches if flow is not Flow.STOP]
        for name in dict.fromkeys(name for branch in going for name in branch.names):
            self._scope.bind(name, one_of([branch.get(name) for branch in going]))
        flows = [flow for _, flow in branches]
        order = (Flow.NEXT, Flow.CONTINUE, Flow.BREAK, Flow.STOP)
        return next((flow for flow in order if flow in flows), Flow.NEXT)

    def visit_If(self, node: ast.If) -> Flow:
        verdict = syntax.fixed(node.test)
        verdict = truth(self._value(node.test)) if verdict is None else verdict
        if verdict is not None:
            if verdict:
                self._glance(node.orelse)
            return execute(node.body if verdict else node.orelse, self._scope, self._machine)
        return self._join([self._branch(node.body), self._branch(node.orelse)])

    def _glance(self, orelse: Sequence[ast.stmt]) -> None:
        """Look at the tests of an ``elif`` that is not reached: they tell the other choices."""
        match orelse:
            case [ast.If(test=test, orelse=further)]:
                glance(test, self._scope, self._machine)
                self._glance(further)
            case _:
                pass

    def visit_Try(self, node: ast.Try) -> Flow:
        return self._try(node)

    def visit_TryStar(self, node: ast.TryStar) -> Flow:
        return self._try(node)

    def _try(self, node: ast.Try | ast.TryStar) -> Flow:
        body = self._branch([*node.body, *node.orelse])
        handled = []
        for handler in node.handlers:
            branch = self._scope.branch()
            branch.names.update(body[0].names)
            if handler.name:
                branch.bind(handler.name, UNKNOWN)
            handled.append((branch, execute(handler.body, branch, self._machine)))
        flow = self._join([body, *handled])
        last = execute(node.finalbody, self._scope, self._machine)
        return flow if last is Flow.NEXT else last

    def visit_Match(self, node: ast.Match) -> Flow:
        """Read ``case "x":`` as a comparison; what matches in another way may be taken."""
        branches: list[tuple[Scope, Flow]] = []
        is_decided = False
        for case in node.cases:
            test = syntax.test_of(node.subject, case)
            verdict = truth(self._value(test)) if test else None  # also tells the choices
            if verdict is not False and not is_decided:
                branches.append(self._branch(case.body))
            is_decided = is_decided or bool(verdict) or syntax.takes_all(case)
        if not is_decided:
            branches.append((self._scope.branch(), Flow.NEXT))
        return self._join(branches)

    def visit_With(self, node: ast.With) -> Flow:
        return self._with(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> Flow:
        return self._with(node)

    def _with(self, node: ast.With | ast.AsyncWith) -> Flow:
        for item in node.items:
            value = self._value(item.context_expr)
            if item.optional_vars is not None:
                self._assign(item.optional_vars, value)
        return execute(node.body, self._scope, self._machine)

    # Loops

    def visit_For(self, node: ast.For) -> Flow:
        return self._for(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> Flow:
        return self._for(node)

    def _for(self, node: ast.For | ast.AsyncFor) -> Flow:
        held = containers.elements(self._value(node.iter))
        if held is None or len(held) > _MOST_ROUNDS:
            self._assign(node.target, self._something(node.target))
            return self._once(node.body, node.orelse)
        for element in held:
            self._assign(node.target, element)
            flow = execute(node.body, self._scope, self._machine)
            if flow is Flow.STOP:
                return flow
            if flow is Flow.BREAK:
                return Flow.NEXT
        return execute(node.orelse, self._scope, self._machine)

    def _something(self, target: ast.expr) -> Value:
        return Hole(target.id) if isinstance(target, ast.Name) else UNKNOWN

    def visit_While(self, node: ast.While) -> Flow:
        for _ in range(_MOST_TURNS):
            verdict = truth(self._value(node.test))
            if verdict is False:
                return execute(node.orelse, self._scope, self._machine)
            if verdict is None:
                break
            flow = execute(node.body, self._scope, self._machine)
            if flow is Flow.STOP:
                return flow
            if flow is Flow.BREAK:
                return Flow.NEXT
        return self._once(node.body, node.orelse)

    def _once(self, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> Flow:
        """Follow the body of a loop once, as one that may not be entered."""
        entered, _ = self._branch(body)
        self._join([(self._scope.branch(), Flow.NEXT), (entered, Flow.NEXT)])
        return execute(orelse, self._scope, self._machine)
