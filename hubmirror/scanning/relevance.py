"""Tells which classes of a repo may fetch something while an object of them is made.

By names alone, and on the side of yes: models are built of hundreds of layers whose code fetches
nothing, and following each of them would cost more than all the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_SEEDS = frozenset(
    {
        *("load_state_dict_from_url", "load_url", "download_url_to_file", "model_zoo", "hub"),
        *("urlretrieve", "urlopen", "urllib", "requests", "httpx", "gdown", "wget", "subprocess"),
        *("system", "popen", "hf_hub_download", "snapshot_download", "from_pretrained", "timm"),
        *("pretrained", "create_model", "open_clip", "fsspec", "pooch", "import_module"),
    }
)
_ADDRESS = "://"


class Relevance:
    """The names of a repo that lead to something which fetches, or has an address in it."""

    def __init__(self, trees: Iterable[ast.Module] = ()) -> None:
        self._names = _relevant_names(trees)

    def concerns(self, node: ast.AST) -> bool:
        """Tell whether a definition may lead to something that fetches."""
        return any(name in self._names for name in _mentioned(node))


def _relevant_names(trees: Iterable[ast.Module]) -> frozenset[str]:
    mentioned_by: dict[str, set[str]] = {}
    for tree in trees:
        for name, mentioned in _definitions(tree):
            for one in mentioned:
                mentioned_by.setdefault(one, set()).add(name)
    relevant: set[str] = set()
    waiting = [_ADDRESS, *_SEEDS]
    while waiting:
        for name in mentioned_by.get(waiting.pop(), ()):
            if name not in relevant:
                relevant.add(name)
                waiting.append(name)
    return frozenset({_ADDRESS, *_SEEDS, *relevant})


def _definitions(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Go through what a module defines, with all names that each definition has in it."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not name.startswith("__"):
                    yield name, set(_mentioned(node))
            case ast.ClassDef(name=name):
                yield name, set(_mentioned(node))
            case ast.ImportFrom() | ast.Import():
                yield from _imported(node)
            case _:
                pass
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, set(_mentioned(value))
            case _:
                pass


def _imported(node: ast.ImportFrom | ast.Import) -> Iterator[tuple[str, set[str]]]:
    module = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
    for alias in node.names:
        yield alias.asname or alias.name, {*alias.name.split("."), *module}


def _mentioned(root: ast.AST) -> Iterator[str]:
    """Go through the names in some code; what a model computes in ``forward`` is passed over."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name="forward") | ast.Expr(value=ast.Constant()):
                continue
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str() as name):
                yield name
            case ast.Constant(value=str() as text) if text.startswith(("http://", "https://")):
                yield _ADDRESS
            case _:
                pass
        waiting.extend(ast.iter_child_nodes(node))
