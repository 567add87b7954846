"""Addresses of weights that are written in a repo, wherever nobody was seen to use them.

Docstrings and comments are passed over: they name papers and pages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from hubmirror.errors import InvalidInputError
from hubmirror.hubconf.source import MAX_FILE_BYTES, parse
from hubmirror.scanning.collecting import urls_in
from hubmirror.scanning.findings import Confidence, Finding, Kind, Place
from hubmirror.scanning.trees import Tree

_MOST_BYTES = 4 << 20  # of code that hubconf.py does not lead to, as of configs
_DATA = re.compile(r"https?://[^\s'\"<>\\^`|{}%]+\.(?:json|bpe|vocab|spm|txt|ya?ml|csv|tsv)")
_CONFIGS = (".yaml", ".yml", ".json")


def in_tree(tree: ast.AST, file: str, confidence: Confidence) -> Iterator[Finding]:
    """Go through the addresses of weights in the strings of some code."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Constant(value=str() as text):
                place = Place(file, node.lineno)
                for url in urls_in(text):
                    yield Finding(Kind.URL, url, "written in code", place, confidence)
            case _:
                waiting.extend(ast.iter_child_nodes(node))


def data_in(tree: ast.AST, file: str) -> Iterator[Finding]:
    """Go through strings that are the address of a vocabulary, a table or the like."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text) if _DATA.fullmatch(text):
                place = Place(file, node.lineno)
                yield Finding(Kind.URL, text, "written in code", place, Confidence.POSSIBLE)
            case _:
                pass


def in_code(tree: Tree, read: Collection[str]) -> Iterator[Finding]:
    """Go through those in Python files that are not among ``read``."""
    left = _MOST_BYTES
    for path in tree.paths:
        if not path.endswith(".py") or path in read or left <= 0:
            continue
        content = tree.read(path) or b""
        if len(content) > MAX_FILE_BYTES or b"://" not in content:
            continue
        left -= len(content)
        try:
            parsed = parse(content, path)
        except InvalidInputError:
            continue
        yield from _aside(in_tree(parsed, path, Confidence.POSSIBLE))


def in_config(tree: Tree, path: str, confidence: Confidence) -> Iterator[Finding]:
    """Go through those in one config, line by line."""
    content = tree.read(path) or b""
    if len(content) > MAX_FILE_BYTES or b"://" not in content:
        return
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        if line.lstrip().startswith(("#", "//")):
            continue
        for url in urls_in(line):
            yield Finding(Kind.URL, url, "written in a config", Place(path, number), confidence)


def in_configs(tree: Tree, read: Collection[str]) -> Iterator[Finding]:
    """Go through those in configs that are not among ``read``."""
    left = _MOST_BYTES
    for path in tree.paths:
        if path.endswith(_CONFIGS) and path not in read and left > 0:
            left -= len(tree.read(path) or b"")
            yield from _aside(in_config(tree, path, Confidence.POSSIBLE))


def _aside(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (replace(finding, is_aside=True) for finding in findings)
