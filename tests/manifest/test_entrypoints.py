"""Entrypoints: one text for one call, in whichever way it was written."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.manifest.entrypoints import Call, entrypoint, parse_call

literals = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}x", fullmatch=True)


@given(names, st.lists(literals, max_size=3), st.dictionaries(names, literals, max_size=3))
def test_a_call_survives_being_written_and_read(
    name: str, args: list[object], kwargs: dict[str, object]
) -> None:
    spec = entrypoint(Call(name, args, kwargs))

    again = parse_call(spec.call)

    assert (again.name, list(again.args), dict(again.kwargs)) == (name, args, kwargs)
    assert entrypoint(again) == spec
    assert isinstance(ast.parse(spec.call, mode="eval").body, ast.Call)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("resnet18", "resnet18()"),
        (" resnet18 ( ) ", "resnet18()"),
        ('f( "a",b = 0x10 ,)', "f('a', b=16)"),
        ("f(-1, 1_000, [1,2], (3,), {'a':None})", "f(-1, 1000, [1, 2], (3,), {'a': None})"),
        ("f('\\d')", "f('\\\\d')"),
        ("roberta.large", "roberta.large()"),
        (" transformer.wmt14.en-fr( bpe = 'x')", "transformer.wmt14.en-fr(bpe='x')"),
    ],
)
def test_spacing_and_quotes_do_not_count(text: str, call: str) -> None:
    assert entrypoint(parse_call(text)).call == call


@given(names, st.dictionaries(names, literals, max_size=3))
def test_a_name_that_only_a_hubconf_can_make_survives_too(
    name: str, kwargs: dict[str, object]
) -> None:
    call = Call(f"{name}.wmt19.en-de", (), kwargs)

    assert parse_call(entrypoint(call).call) == Call(call.name, [], kwargs)
