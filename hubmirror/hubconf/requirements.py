"""Reads from packaging files which distributions, and which Python, a repo asks for.

Of several files the first that names a distribution decides: pyproject.toml, setup.cfg,
setup.py, then requirements.txt. What packaging metadata says is what the code needs, while a
requirements.txt often pins what one developer ran; so a bare ``torch`` in the former
outranks a ``torch==1.9.0`` in the latter. Nothing here raises.
"""

from __future__ import annotations

import ast
import codecs
import configparser
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubmirror.errors import InvalidInputError
from hubmirror.hubconf.expressions import evaluate
from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.specifiers import from_poetry, oldest_torch
from hubmirror.hubconf.values import Scope, Text, Texts
from hubmirror.hubconf.world import RepoWorld

_SPECIFIER = re.compile(r"[<>=!~]=?=?[\s\w.*,<>=!~]*")


@dataclass(frozen=True, slots=True)
class Stated:
    """What a repo asks for; empty where it says nothing."""

    torch: str
    python: str


@dataclass(frozen=True, slots=True)
class Packaging:
    """What one packaging file says: PEP 508 requirements and a Python specifier."""

    requirements: tuple[str, ...] = ()
    python: str = ""


PLAIN = "requirements.txt"
"""The one packaging file that is no metadata: what its author installed to run the code."""


def packaging_files(sources: Sources) -> dict[str, Packaging]:
    """Return what each packaging file of a repo says, the one that outranks others first."""
    return {
        "pyproject.toml": _pyproject(sources),
        "setup.cfg": _setup_cfg(sources),
        "setup.py": _setup_py(sources),
        PLAIN: _plain(sources),
    }


def stated_requirements(sources: Sources) -> Stated:
    """Return the oldest torch and the Python that the repo's packaging files state."""
    files = packaging_files(sources).values()
    minimums = (oldest_torch(file.requirements) for file in files)
    pythons = (file.python.strip() for file in files)
    return Stated(
        torch=next((minimum for minimum in minimums if minimum is not None), ""),
        python=next((text for text in pythons if _SPECIFIER.fullmatch(text)), ""),
    )


def requirement_lines(sources: Sources) -> tuple[str, ...]:
    """Return the requirements of every packaging file, as they are written, each once."""
    files = (_pyproject(sources), _setup_cfg(sources), _setup_py(sources), _plain(sources))
    lines = (line.strip() for file in files for line in file.requirements)
    return tuple(dict.fromkeys(line for line in lines if line))


def _text(sources: Sources, path: str) -> str:
    """Return a text file; Windows tools write UTF-16 where others write UTF-8."""
    content = sources.content(path) or b""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")


def _pyproject(sources: Sources) -> Packaging:
    try:
        document = tomllib.loads(_text(sources, "pyproject.toml"))
    except (ValueError, RecursionError):
        return Packaging()
    project = _table(document, "project")
    stated = Packaging(_strings(project.get("dependencies")), _string(project, "requires-python"))
    poetry = _table(_table(_table(document, "tool"), "poetry"), "dependencies")
    asked = [
        f"{name}{from_poetry(text)}"
        for name, value in poetry.items()
        if name != "python"
        for text in _poetry_versions(value)
    ]
    python = from_poetry(_string(poetry, "python"))
    return Packaging(stated.requirements or tuple(asked), stated.python or python)


def _poetry_versions(value: object) -> list[str]:
    """Return the specifiers of ``"^1.10"``, ``{version = ...}`` or a list of such."""
    match value:
        case str():
            return [value]
        case {"version": str() as version}:
            return [version]
        case list():
            return [
                text
                for item in value
                if isinstance(item, str | dict)
                for text in _poetry_versions(item)
            ]
        case _:
            return []


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _string(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _strings(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, str))


def _setup_cfg(sources: Sources) -> Packaging:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(_text(sources, "setup.cfg"))
        requirements = parser.get("options", "install_requires", fallback="")
        python = parser.get("options", "python_requires", fallback="")
    except configparser.Error:
        return Packaging()
    return Packaging(tuple(requirements.splitlines()), python)


def _setup_py(sources: Sources) -> Packaging:
    """Read the arguments of ``setup(...)``, wherever in setup.py it is called."""
    try:
        tree = sources.tree("setup.py")
    except InvalidInputError:
        return Packaging()
    world = RepoWorld(sources)  # of its own: setup.py has another search path than hubconf.py
    scope = world.enter("setup.py", tree)
    found = {
        keyword.arg: keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _is_setup(node.func)
        for keyword in node.keywords
    }
    requirements, python = found.get("install_requires"), found.get("python_requires")
    try:
        return Packaging(
            _all_texts(requirements, scope, world) if requirements else (),
            _all_texts(python, scope, world)[0] if python else "",
        )
    except (RecursionError, IndexError):
        return Packaging()


def _is_setup(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "setup"


def _all_texts(node: ast.expr, scope: Scope, world: RepoWorld) -> tuple[str, ...]:
    """Return the strings of an expression, or those written in it where a part is unknown."""
    match world.resolve(evaluate(node, scope, world)):
        case Text(text):
            return tuple(text.splitlines())
        case Texts(items):
            return items
        case _:
            constants = (part for part in ast.walk(node) if isinstance(part, ast.Constant))
            return tuple(part.value for part in constants if isinstance(part.value, str))


def _plain(sources: Sources) -> Packaging:
    """Read requirements.txt; options, and the files that they name, are passed over."""
    text = re.sub(r"\\\r?\n", " ", _text(sources, PLAIN))
    return Packaging(tuple(_requirement_lines(text.splitlines())))


def _requirement_lines(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        bare = re.split(r"(?:^|\s)#|\s--", line)[0].strip()
        if bare and not bare.startswith("-"):
            yield bare
