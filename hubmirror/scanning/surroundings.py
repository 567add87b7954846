"""What stands beside the code of a repo: submodules, Git LFS, the licence.

Reads a few well-known files, and believes none of them further than they go.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hubmirror.scanning.findings import Confidence, Finding, Kind, Place
from hubmirror.scanning.trees import Tree
from hubmirror.upstream.pointers import read_pointer
from hubmirror.urls import redact

_MOST_POINTERS = 2000
_SECTION = re.compile(r"\s*\[submodule\b")
_SETTING = re.compile(r"\s*(path|url)\s*=\s*(\S.*?)\s*")
_LARGE = re.compile(r"\.(pth?|pyth|ckpt|bin|safetensors|onnx|jit|h5|npz|pkl|tar|gz|zip)$")
_LICENCE = re.compile(r"(un)?licen[cs]es?([._-].*)?|copying([._-].*)?", re.IGNORECASE)
_LICENCES = (  # the first whose every sentence is in the head of the file
    ("CC-BY-NC-SA-4.0", ("attribution-noncommercial-sharealike 4.0",)),
    ("CC-BY-NC-ND-4.0", ("attribution-noncommercial-noderivatives 4.0",)),
    ("CC-BY-NC-4.0", ("attribution-noncommercial 4.0",)),
    ("CC-BY-SA-4.0", ("attribution-sharealike 4.0",)),
    ("CC-BY-4.0", ("attribution 4.0 international",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("AGPL-3.0", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0", ("gnu general public license", "version 3")),
    ("GPL-2.0", ("gnu general public license", "version 2")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("BSD-3-Clause", ("redistributions of source code must retain", "neither the name")),
    ("BSD-2-Clause", ("redistributions of source code must retain",)),
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
)
_HEAD_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence of a repo.

    Attributes:
        name: Its SPDX name, ``unknown`` for a text that is not well known, empty for none.
        file: Where it is written.
    """

    name: str
    file: str


def find_licence(tree: Tree) -> Licence:
    """Return the licence that a file at the root of a repo names."""
    files = [path for path in tree.paths if "/" not in path and _LICENCE.fullmatch(path)]
    for path in files:
        text = " ".join((tree.read(path) or b"").decode(errors="replace").lower().split())
        for name, sentences in _LICENCES:
            if all(sentence in text[:_HEAD_CHARACTERS] for sentence in sentences):
                return Licence(name, path)
    return Licence("unknown", files[0]) if files else Licence("", "")


def submodules(tree: Tree) -> Iterator[Finding]:
    """Go through the submodules that ``.gitmodules`` declares."""
    held: dict[str, str] = {}
    place = Place(".gitmodules", 0)
    for number, line in enumerate([*_lines(tree, ".gitmodules"), "[submodule]"], 1):
        if _SECTION.match(line):
            if "path" in held:
                subject = f"{held['path']} {redact(held.get('url', ''))}".strip()
                yield Finding(Kind.SUBMODULE, subject, ".gitmodules", place, Confidence.CERTAIN)
            held, place = {}, Place(".gitmodules", number)
        elif found := _SETTING.fullmatch(line):
            held[found[1]] = found[2]


def large_files(tree: Tree) -> Iterator[Finding]:
    """Go through the files that Git LFS pointers stand for."""
    patterns = [
        (posixpath.dirname(file), words[0])
        for file in tree.paths
        if posixpath.basename(file) == ".gitattributes"
        for line in _lines(tree, file)
        if len(words := line.split()) > 1 and "filter=lfs" in words[1:]
    ]
    asked = [path for path in tree.paths if _LARGE.search(path) or _is_kept(path, patterns)]
    for path in asked[:_MOST_POINTERS]:
        pointer = read_pointer(tree.read(path) or b"")
        if pointer is not None:
            how = f"a Git LFS pointer to {pointer.size_bytes:,} bytes"
            yield Finding(Kind.LFS, path, how, Place(path, 0), Confidence.CERTAIN)


def _is_kept(path: str, patterns: list[tuple[str, str]]) -> bool:
    for folder, pattern in patterns:
        inner = path.removeprefix(f"{folder}/") if folder else path
        name = inner if "/" in pattern else posixpath.basename(inner)
        if (not folder or inner != path) and fnmatchcase(name, pattern.lstrip("/")):
            return True
    return False


def _lines(tree: Tree, path: str) -> list[str]:
    content = tree.read(path) if path in tree.paths else None
    return (content or b"").decode(errors="replace").splitlines()
