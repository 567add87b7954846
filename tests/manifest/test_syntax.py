"""Texts that are not YAML, or are meant to hurt: one fault, in plain words, at its place."""

# ruff: noqa: E501 - a table reads best with one case to a line

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.reading import parse_manifest
from hubmirror.manifest.syntax import explain

ALIGN = "the indentation does not line up with the lines above"
NO_PAIR = (
    f"no `key: value` can be here: {ALIGN}, the line above lacks its ':', "
    "or this is text with ': ' in it, which needs quotes"
)

BROKEN = [
    ("version: 1\n\trepos: x\n", "2:1: a tab; YAML is indented with spaces only"),
    ("repos:\n\t- a\n", "2:1: a tab; YAML is indented with spaces only"),
    ("version 1\nrepos:\n", f"2:6: {NO_PAIR}"),
    ("repos:\n- repo: a/b\n   refs: [x]\n", f"3:8: {NO_PAIR}"),
    ("name: a: b\n", f"1:8: {NO_PAIR}"),
    ("repos: - a\n", "1:8: no `- ` entry can be here; put it on a line of its own below the key"),
    ("refs: [a\nb: 1\n", "2:2: expected ',' or ']' to go on with, or to close, the bracket of line 1, column 7"),
    ("a: {b: 1\n", "2:1: expected ',' or '}' to go on with, or to close, the bracket of line 1, column 4"),
    ("name: 'x\n", "1:7: the quote that opens here is never closed"),
    ('name: "x\n', "1:7: the quote that opens here is never closed"),
    ("refs: [*]\n", "1:9: text that starts with * or & needs quotes"),
    ("name: @x\n", "1:7: text cannot start with '@' unless it is in quotes"),
    ("name: `x`\n", "1:7: text cannot start with '`' unless it is in quotes"),
    ("name: %x\n", "1:7: text cannot start with '%' unless it is in quotes"),
    ("- a\nb: c\n", f"2:1: expected another entry: {ALIGN}, or a quote is closed too early"),
    ("name: ]\n", "1:7: a value is missing, or a bracket is closed that was not open"),
    ("name: !a!b x\n", "1:7: text that starts with ! needs quotes"),
    ("name: |x\n  y\n", "1:8: only a comment can follow | or > on its line"),
    ("%YAML 2.0\n---\na: 1\n", "1:1: the %YAML line names a version that is not 1.1 or 1.2; remove it"),
]  # fmt: skip

REFUSED = [
    ('"\\ud800\\udc00"', r"1:4: YAML does not know this \u escape; write the character itself"),
    ('"\\uzzzz"', r"1:4: after \x, \u or \U must come 2, 4 or 8 hex digits"),
    ("", "1:1: empty; a manifest starts with `version: 1`"),
    ("# nothing yet\n", "1:1: empty; a manifest starts with `version: 1`"),
    ("version: 1\n---\nversion: 1\n", "2:1: a second document starts here (---); give each source a file of its own"),
    ("version: 1\nname: a\x00b\n", "2:8: the character U+0000 is not allowed in a manifest"),
    ("version: 1\nname: \x1b[31m\n", "2:7: the character U+001B is not allowed in a manifest"),
    ("version: 1\nname: \ud800\n", "2:7: the character U+D800 is not allowed in a manifest"),
    ("version: 1\n<<<<<<< HEAD\nname: a\n=======\n", "2:1: a merge conflict (<<<<<<<); choose one side, and remove the marker lines"),
    ("name: *x\n", "1:7: *x refers to `&x`, which is not in this file above; text that starts with * needs quotes"),
    ("a: &x [*x]\n", "1:8: *x stands inside what it refers to"),
    ("name: !!python/object:os.system x\n", "1:7: the tag '!!python/object:os.system' means nothing here; text that starts with ! needs quotes"),
    ("name: !x [a]\n", "1:7: the tag '!x' means nothing here; text that starts with ! needs quotes"),
    ("? [a]\n: b\n", "1:3: a key must be plain text"),
    ("<<: 5\n", "1:1: <<: expected an alias of a mapping, such as `<<: *common`"),
    ("[" * 51, "1:51: nested more than 50 deep; no manifest needs that"),
]  # fmt: skip


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_broken_syntax_reads_the_same_from_both_parsers(
    text: str, expected: str, loader: type[yaml.SafeLoader]
) -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        list(yaml.parse(text, Loader=loader))

    assert str(explain(caught.value, text, "m")) == f"m:{expected}"


@pytest.mark.parametrize(("text", "expected"), [*BROKEN, *REFUSED])
def test_what_is_not_yaml_has_one_fault_at_its_place(text: str, expected: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(text, file="m.yaml")

    assert str(caught.value) == f"m.yaml: not a valid manifest, 1 fault:\nm.yaml:{expected}"


def test_an_alias_bomb_is_refused_before_it_goes_off() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    started = time.monotonic()

    with pytest.raises(InvalidInputError) as caught:
        parse_manifest("\n".join(lines), file="m")

    message = "the aliases up to here stand for more than 100,000 values"
    assert [(fault.line, fault.message) for fault in caught.value.faults] == [(5, message)]
    assert time.monotonic() - started < 5


def test_nesting_that_crashes_libyaml_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="nested more than 50 deep"):
        parse_manifest("[" * 200_000, file="m")


def test_ten_thousand_repos_take_seconds() -> None:
    entries = "".join(
        f"- repo: o{n}/r\n  refs: [v1]\n  checkpoints: [{{url: https://h.example/{n}}}]\n"
        for n in range(10_000)
    )
    started = time.monotonic()

    manifest = parse_manifest(f"version: 1\nrepos:\n{entries}", file="m.yaml")

    assert len(manifest.repos) == 10_000
    assert time.monotonic() - started < 20


@given(st.text())
def test_any_text_is_a_manifest_or_has_faults_with_places(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(text, file="m.yaml")

    assert all(fault.line and fault.column for fault in caught.value.faults)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`\\ \n\t<,?1.~", max_size=40))
def test_any_yaml_like_text_is_a_manifest_or_has_faults_with_places(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(text, file="m.yaml")

    assert caught.value.faults
    assert all(fault.line and fault.column for fault in caught.value.faults)
