"""Tells what operators give, and how values compare, where that can be told."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from hubmirror.hubconf.values import Class, Function, Module, Text, Value
from hubmirror.scanning import containers, paths, strings
from hubmirror.scanning.values import (
    MOST_ITEMS,
    UNKNOWN,
    Instance,
    Items,
    Known,
    Member,
    Pattern,
    Table,
    is_certain,
    options,
    plain,
    same,
)

_MOST_BITS = 1024
_NUMBERS: Mapping[type[ast.operator], Callable[[int | float, int | float], int | float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ORDERS: Mapping[type[ast.cmpop], Callable[[int | float, int | float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def combined(how: ast.operator, left: Value, right: Value, names: tuple[str, str]) -> Value:
    """Return what an operator between two values gives; ``names`` are those of its sides."""
    match how, plain(left), plain(right):
        case ast.Mod(), Text(template), _:
            return strings.percent(template, right)
        case ast.Add(), Items(some, one_open), Items(more, other_open):
            return Items([*some, *more][:MOST_ITEMS], one_open or other_open)
        case ast.Mult(), Items(some, is_open), Known(int() as times) if 0 <= times < 100:
            return Items((some * times)[:MOST_ITEMS], is_open)
        case ast.BitOr(), Table() as one, Table() as other:
            both = Table(dict(one.entries), one.is_open)
            both.merge(other)
            return both
        case ast.Add(), _, _ if _is_text(left) or _is_text(right):
            sides = zip((left, right), names, strict=True)
            return strings.concatenated([strings.parts_of(value, name) for value, name in sides])
        case ast.Div(), _, _ if _is_text(left):
            return paths.joined_paths([left, right], names=names)
        case _, Known(one_number), Known(other_number):
            return _calculated(how, one_number, other_number)
        case _:
            return UNKNOWN


def _is_text(value: Value) -> bool:
    return any(isinstance(one, Text | Pattern) for one in options(value))


def compared(how: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Return what a comparison gives, None where that cannot be told."""
    match how:
        case ast.Eq() | ast.Is():
            return _equal(left, right)
        case ast.NotEq() | ast.IsNot():
            return _negated(_equal(left, right))
        case ast.In() | ast.NotIn():
            verdicts = {containers.contains(right, one) for one in options(left)}
            verdict = verdicts.pop() if len(verdicts) == 1 else None
            return verdict if isinstance(how, ast.In) else _negated(verdict)
        case _:
            return _ordered(how, plain(left), plain(right))


def choices(how: ast.cmpop, left: Value, right: Value) -> list[tuple[Value, tuple[Value, ...]]]:
    """Return which values a comparison offers to which side."""
    match how:
        case ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot():
            sides = ((left, right), (right, left))
            return [(one, (plain(other),)) for one, other in sides if is_certain(other)]
        case ast.In() | ast.NotIn():
            return [(left, containers.choices(right))]
        case _:
            return []


def _equal(left: Value, right: Value) -> bool | None:
    verdicts = {_same(one, other) for one in options(left) for other in options(right)}
    return verdicts.pop() if len(verdicts) == 1 else None


def _negated(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _same(left: Value, right: Value) -> bool | None:
    if is_certain(left) and is_certain(right):
        return same(left, right)
    if Known(None) in (plain(left), plain(right)):
        return _is_none(left) if _is_none(right) else _is_none(right)
    return None


def _is_none(value: Value) -> bool | None:
    match plain(value):
        case Known(None):
            return True
        case Known() | Text() | Pattern() | Items() | Table() | Instance() | Member():
            return False
        case Class() | Function() | Module():
            return False
        case _:
            return None


def _ordered(how: ast.cmpop, left: Value, right: Value) -> bool | None:
    match left, right:
        case Known(int() | float() as one), Known(int() | float() as other) if type(how) in _ORDERS:
            return _ORDERS[type(how)](one, other)
        case _:
            return None


def _calculated(how: ast.operator, one: object, other: object) -> Value:
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return UNKNOWN
    if any(isinstance(n, int) and n.bit_length() > _MOST_BITS for n in (one, other)):
        return UNKNOWN
    try:
        return Known(_NUMBERS[type(how)](one, other))
    except (KeyError, ArithmeticError):
        return UNKNOWN
