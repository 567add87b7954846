"""Small questions about pieces of syntax, answered without knowing any value."""

from __future__ import annotations

import ast


def name_of(node: ast.expr) -> str:
    """Return a short name for a value of which only the expression is known."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            return name
        case ast.Subscript(value=inner):
            return name_of(inner)
        case ast.Call(args=[first, *_]):
            return name_of(first)
        case ast.Call(func=ast.Attribute(value=inner)):
            return name_of(inner)
        case _:
            return "..."


def spec_of(part: ast.FormattedValue) -> str:
    """Return how an f-string formats a part; nothing where that is put together itself."""
    match part.format_spec:
        case ast.JoinedStr(values=[ast.Constant(value=str() as spec)]):
            return spec
        case _:
            return ""


def reading(target: ast.Name | ast.Attribute) -> ast.expr:
    """Return the expression that reads what is assigned to."""
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    return ast.Attribute(target.value, target.attr, ast.Load())


def test_of(subject: ast.expr, case: ast.match_case) -> ast.expr | None:
    """Return the comparison that a case of values makes, None for any other case."""
    patterns = case.pattern.patterns if isinstance(case.pattern, ast.MatchOr) else [case.pattern]
    values = [one.value for one in patterns if isinstance(one, ast.MatchValue)]
    if len(values) < len(patterns) or case.guard is not None:
        return None
    listed = ast.copy_location(ast.List(values, ast.Load()), subject)
    return ast.copy_location(ast.Compare(subject, [ast.In()], [listed]), subject)


def takes_all(case: ast.match_case) -> bool:
    """Tell whether a case matches whatever comes to it."""
    is_name = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
    return is_name and case.guard is None


def fixed(test: ast.expr) -> bool | None:
    """Decide a condition that is the same wherever a repo is loaded by torch.hub."""
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]):
            return False
        case _:
            return None
