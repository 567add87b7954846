"""What is wrong with a text that is not YAML, in words for people who do not know YAML.

Knows the wording of libyaml and of PyYAML's own parser, which differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from hubmirror.errors import Fault, InvalidInputError

_CONTROL = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>)( |$)", re.MULTILINE)
_MOST_CONTROL_FAULTS = 10

_ALIGN = "the indentation does not line up with the lines above"
MOST_DEPTH = 50
TOO_DEEP = f"nested more than {MOST_DEPTH} deep; no manifest needs that"
_SENTENCES = (
    ("tab character", "a tab; YAML is indented with spaces only"),
    (
        "mapping values are not allowed",
        f"no `key: value` can be here: {_ALIGN}, the line above lacks its ':', "
        "or this is text with ': ' in it, which needs quotes",
    ),
    (
        "sequence entries are not allowed",
        "no `- ` entry can be here; put it on a line of its own below the key",
    ),
    ("expected alphabetic or numeric", "text that starts with * or & needs quotes"),
    ("'-' indicator", f"expected another entry: {_ALIGN}, or a quote is closed too early"),
    ("tag handle", "text that starts with ! needs quotes"),
    ("unknown escape", r"in double quotes a \ starts an escape: write \\, or use single quotes"),
    ("Unicode character escape", r"YAML does not know this \u escape; write the character itself"),
    ("hexdecimal", r"after \x, \u or \U must come 2, 4 or 8 hex digits"),
    ("hexadecimal", r"after \x, \u or \U must come 2, 4 or 8 hex digits"),
    ("incompatible YAML", "the %YAML line names a version that is not 1.1 or 1.2; remove it"),
    ("expected the node content", "a value is missing, or a bracket is closed that was not open"),
    ("expected node content", "a value is missing, or a bracket is closed that was not open"),
    ("found character", "text cannot start with {character!r} unless it is in quotes"),
    ("comment or line break", "only a comment can follow | or > on its line"),
    ("chomping or indentation", "only a comment can follow | or > on its line"),
    ("maximum nesting depth", TOO_DEEP),  # libyaml looks ahead, and may notice first
    ("expected key", f"expected `key: value`: {_ALIGN}, or a quote is closed too early"),
    ("expected <block end>", f"expected another entry: {_ALIGN}, or a quote is closed too early"),
)


def invalid(file: str, faults: Sequence[Fault]) -> InvalidInputError:
    """Return the error that tells all faults of a file."""
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return InvalidInputError(f"{file}: not a valid manifest, {count}:", faults=faults)


def control_faults(text: str, file: str) -> list[Fault]:
    """Find what would make a YAML parser give up with a byte offset, or mislead a reader."""
    faults = []
    for found in _CONTROL.finditer(text):
        line, column = _place(text, found.start())
        message = f"the character U+{ord(found[0]):04X} is not allowed in a manifest"
        faults.append(Fault(file, line, column, message))
        if len(faults) == _MOST_CONTROL_FAULTS:
            break
    conflict = _CONFLICT.search(text)
    if conflict and not faults:
        message = f"a merge conflict ({conflict[1]}); choose one side, and remove the marker lines"
        faults.append(Fault(file, *_place(text, conflict.start()), message))
    return faults


def explain(error: yaml.YAMLError, text: str, file: str) -> Fault:
    """Turn PyYAML's complaint into a fault that names the place and the usual cause."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Fault(file, 1, 1, "not YAML")
    problem = str(error.problem)
    line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
    opened = error.context_mark
    if opened and "unexpected end of stream" in problem:
        message = "the quote that opens here is never closed"
        return Fault(file, opened.line + 1, opened.column + 1, message)
    if opened and (bracket := re.search(r"',' or '([]}])'", problem)):
        message = (
            f"expected ',' or '{bracket[1]}' to go on with, or to close, the bracket "
            f"of line {opened.line + 1}, column {opened.column + 1}"
        )
        return Fault(file, line, column, message)
    return Fault(file, line, column, _sentence(problem, _character(text, line, column)))


def _sentence(problem: str, character: str) -> str:
    if character == "\t":
        return _SENTENCES[0][1]
    for words, sentence in _SENTENCES:
        if words in problem:
            return sentence.replace("{character!r}", repr(character))
    return f"not YAML: {problem}"


def _character(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""


def _place(text: str, offset: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1
