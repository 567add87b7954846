"""Tells what an expression stands for, with its data.

Calls and attributes are the machine's; here is what is written between them.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence

from hubmirror.hubconf.values import Class, Foreign, Function, Opaque, Scope, Text, Value
from hubmirror.scanning import containers, lookups, operators, strings, syntax
from hubmirror.scanning.asking import Arguments, Machine
from hubmirror.scanning.findings import Place
from hubmirror.scanning.rounds import Rounds
from hubmirror.scanning.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Argument,
    Hole,
    Items,
    Known,
    Super,
    Table,
    joined,
    one_of,
    options,
    plain,
    truth,
    weight,
)


def evaluate(node: ast.expr, scope: Scope, machine: Machine) -> Value:
    """Return what the expression stands for in this scope."""
    return _Evaluator(scope, machine).visit(node)


def glance(test: ast.expr, scope: Scope, machine: Machine) -> None:
    """Look at comparisons that are not made in this run, for what they compare with."""
    match test:
        case ast.Compare():
            evaluate(test, scope, machine)
        case ast.BoolOp(values=values):
            for value in values:
                glance(value, scope, machine)
        case _:
            pass


class _Evaluator(ast.NodeVisitor):
    def __init__(self, scope: Scope, machine: Machine) -> None:
        self._scope = scope
        self._machine = machine

    def visit(self, node: ast.AST) -> Value:
        value: Value = self._machine.resolve(super().visit(node))
        self._machine.step(1 + weight(value))
        return value

    def generic_visit(self, node: ast.AST) -> Value:
        return UNKNOWN

    # Names and constants

    def visit_Constant(self, node: ast.Constant) -> Value:
        match node.value:
            case str() as text:
                if "://" in text:
                    place = Place(self._scope.file, node.lineno)
                    self._machine.listener.wrote(text, place)
                return joined((text,))
            case int() | float() | complex() | bytes() | None as known:
                return Known(known)
            case _:
                return UNKNOWN

    def visit_Name(self, node: ast.Name) -> Value:
        value = self._scope.get(node.id)
        if value is not Opaque.ABSENT:
            return value
        if node.id == "__file__":
            return Text(f"/{self._scope.file}")
        return Foreign(f"builtins.{node.id}") if hasattr(builtins, node.id) else Hole(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> Value:
        return self._attribute(plain(self.visit(node.value)), node.attr)

    def _attribute(self, base: Value, name: str) -> Value:
        match base:
            case Text(path) if name == "parent" and path.startswith("/"):
                return Text(path.rpartition("/")[0] or "/")
            case Text():
                return Hole(name)
            case Table() as table:  # of a config whose keys are attributes as well
                held = table.get(Text(name))
                return Hole(name) if held is Opaque.ABSENT else held
            case _:
                return self._machine.attribute(base, name)

    def visit_Lambda(self, node: ast.Lambda) -> Value:
        return Function(self._scope.file, node, within=self._scope)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.visit(node.value)
        self._scope.bind(node.target.id, value)
        return value

    # Choices

    def visit_IfExp(self, node: ast.IfExp) -> Value:
        verdict = truth(self.visit(node.test))
        if verdict is None:
            return one_of([self.visit(node.body), self.visit(node.orelse)])
        return self.visit(node.body if verdict else node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        stops_at = isinstance(node.op, ast.Or)
        seen: list[Value] = []
        for part in node.values:
            value = self.visit(part)
            verdict = truth(value)
            if verdict is not (not stops_at) or part is node.values[-1]:
                seen.append(value)
            if verdict is stops_at:
                for skipped in node.values[node.values.index(part) + 1 :]:
                    glance(skipped, self._scope, self._machine)
                break
        return one_of(seen)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Value:
        operand = plain(self.visit(node.operand))
        match node.op, operand:
            case ast.Not(), _:
                verdict = truth(operand)
                return UNKNOWN if verdict is None else Known(not verdict)
            case ast.USub(), Known(int() | float() as number):
                return Known(-number)
            case _:
                return UNKNOWN

    def visit_Compare(self, node: ast.Compare) -> Value:
        left = self.visit(node.left)
        if len(node.ops) > 1:
            for comparator in node.comparators:
                self.visit(comparator)
            return UNKNOWN
        right = self.visit(node.comparators[0])
        for value, offered in operators.choices(node.ops[0], left, right):
            self._chose(value, offered)
        verdict = operators.compared(node.ops[0], left, right)
        return UNKNOWN if verdict is None else Known(verdict)

    def _chose(self, value: Value, choices: Sequence[Value]) -> None:
        if isinstance(value, Argument):
            if value.is_switch:  # on and off are both followed already; a name is not
                choices = [choice for choice in choices if isinstance(choice, Text)]
            self._machine.listener.chose(value.name, choices)

    # Strings and numbers

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Value:
        pieces: list[tuple[str, Sequence[strings.Parts]]] = []
        for index, part in enumerate(node.values):
            if isinstance(part, ast.FormattedValue):
                value = self.visit(part.value)
                if isinstance(value, Argument) and value.is_switch:
                    self._machine.listener.chose(value.name, [TRUE, FALSE])
                parts = strings.parts_of(value, syntax.name_of(part.value), syntax.spec_of(part))
                pieces.append((ast.unparse(part.value), parts))
            elif isinstance(part, ast.Constant):
                self.visit_Constant(part)
                pieces.append((f"literal {index}", [(str(part.value),)]))
        return strings.interpolated(pieces)

    def visit_BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.visit(node.left), self.visit(node.right)
        names = (syntax.name_of(node.left), syntax.name_of(node.right))
        return operators.combined(node.op, left, right, names)

    # Containers

    def visit_List(self, node: ast.List) -> Value:
        return self._items(node.elts)

    def visit_Tuple(self, node: ast.Tuple) -> Value:
        return self._items(node.elts)

    def visit_Set(self, node: ast.Set) -> Value:
        return self._items(node.elts)

    def _items(self, nodes: Sequence[ast.expr]) -> Value:
        items: list[Value] = []
        is_open = False
        for element in nodes:
            if isinstance(element, ast.Starred):
                more = containers.elements(self.visit(element.value))
                items += more or []
                is_open |= more is None
            else:
                items.append(self.visit(element))
        return Items(items, is_open)

    def visit_Dict(self, node: ast.Dict) -> Value:
        table = Table()
        for name, value in zip(node.keys, node.values, strict=True):
            held = self.visit(value)
            if name is not None:
                table.put(self.visit(name), held)
            elif isinstance(plain(held), Table):
                containers.table_method(table, "update", [held], {})
            else:
                table.is_open = True
        return table

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        base = plain(self.visit(node.value))
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            start, stop, step = (self.visit(one) if one else NONE for one in bounds)
            if isinstance(base, Text):
                return strings.cut(base, start, stop, step)
            if isinstance(base, Items):
                return containers.sliced(base, start, stop, step)
            return UNKNOWN
        index = self.visit(node.slice)
        self._chose(index, [one for table in options(base) for one in _keys(table)])
        value = one_of([lookups.at(one, index, self._machine) for one in options(base)])
        return Hole(syntax.name_of(node)) if value is UNKNOWN else value

    # Comprehensions

    def visit_ListComp(self, node: ast.ListComp) -> Value:
        return self._gathered(node.elt, node.generators)

    def visit_SetComp(self, node: ast.SetComp) -> Value:
        return self._gathered(node.elt, node.generators)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Value:
        return self._gathered(node.elt, node.generators)

    def _gathered(self, element: ast.expr, generators: Sequence[ast.comprehension]) -> Value:
        rounds = Rounds(self._machine)
        inner = [
            evaluate(element, scope, self._machine) for scope in rounds.of(generators, self._scope)
        ]
        return Items(inner, rounds.is_open)

    def visit_DictComp(self, node: ast.DictComp) -> Value:
        table = Table()
        rounds = Rounds(self._machine)
        for scope in rounds.of(node.generators, self._scope):
            inside = _Evaluator(scope, self._machine)
            table.put(inside.visit(node.key), inside.visit(node.value))
        table.is_open = table.is_open or rounds.is_open
        return table

    # Calls

    def visit_Call(self, node: ast.Call) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            owner, bound_to = self._scope.get("__class__"), self._scope.get("__self__")
            return Super(owner, bound_to) if isinstance(owner, Class) else UNKNOWN
        place = Place(self._scope.file, node.lineno)
        if not isinstance(node.func, ast.Attribute):
            callee = self.visit(node.func)
            return self._machine.call(callee, self._given(node), place)
        base = plain(self.visit(node.func.value))
        given = self._given(node)
        if lookups.is_lookup(base, node.func.attr, given):
            self._chose(given.positional[0], _keys(base))
        found = [lookups.method(one, node.func.attr, given) for one in options(base)]
        if Opaque.ABSENT not in found:
            return one_of(found)
        callee = self._machine.resolve(self._attribute(base, node.func.attr))
        return self._machine.call(callee, given, place)

    def _given(self, node: ast.Call) -> Arguments:
        given = Arguments()
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                given.positional += containers.elements(self.visit(argument.value)) or []
            else:
                given.positional.append(self.visit(argument))
        for word in node.keywords:
            value = self.visit(word.value)
            if word.arg is not None:
                given.named[word.arg] = value
            elif isinstance(table := plain(value), Table):
                pairs = table.entries.values()
                given.named.update((n.text, held) for n, held in pairs if isinstance(n, Text))
                given.is_open = given.is_open or table.is_callers
        return given


def _keys(value: Value) -> Sequence[Value]:
    return containers.choices(value) if isinstance(value, Table) else ()
