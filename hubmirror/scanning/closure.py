"""Which files of a repo hubconf.py leads to, by every import that is written in them.

Imports inside functions count, those of ``if __name__ == "__main__"`` do not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from hubmirror.errors import InvalidInputError
from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.values import Imported, Text
from hubmirror.hubconf.world import RepoWorld
from hubmirror.scanning.paths import matches
from hubmirror.scanning.values import Pattern


def reached(start: Iterable[str], sources: Sources, world: RepoWorld) -> dict[str, str]:
    """Return the files that are imported from some, with what is wrong with each, or nothing."""
    waiting = list(start)
    found: dict[str, str] = {}
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        try:
            tree = sources.tree(file)
        except InvalidInputError as error:
            found[file] = error.message
            continue
        found[file] = ""
        for imported in _imports(tree, file):
            waiting += world.files_of(imported)
    return found


def modules_like(names: Iterable[Text | Pattern], paths: Sequence[str]) -> list[str]:
    """Return the files of modules whose dotted names are put together when the code runs."""
    code = (path for path in paths if path.endswith(".py"))
    modules = {path.removesuffix(".py").removesuffix("/__init__"): path for path in code}
    dotted = {module.replace("/", "."): path for module, path in modules.items()}
    found = []
    for name in names:
        pattern = name if isinstance(name, Pattern) else Pattern((name.text,))
        if isinstance(pattern.parts[0], str):  # else it may be anything
            found += [dotted[one] for one in matches(pattern, list(dotted))]
    return found


def _imports(tree: ast.AST, file: str) -> Iterator[Imported]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                for alias in names:
                    yield Imported(file, node.lineno, 0, alias.name)
            case ast.ImportFrom(names=names, level=level, module=module):
                for alias in names:
                    name = "" if alias.name == "*" else alias.name
                    yield Imported(file, node.lineno, level, module or "", name=name)
            case _:
                waiting.extend(ast.iter_child_nodes(node))
