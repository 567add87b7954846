"""What pydantic found, in the words of somebody who edits a file.

Invariant: no wording of pydantic's own gets through; what it may say one day that we do not
know yet becomes a plain sentence with the place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from pydantic_core import ErrorDetails

from hubmirror.errors import Fault
from hubmirror.manifest.addresses import shown
from hubmirror.manifest.models import ENTRIES, FAULT
from hubmirror.manifest.nodes import ListNode, MapNode, Node, Odd, ScalarNode, locate

_MEANT = {
    "alias": "aliases",
    "branch": "refs",
    "branches": "refs",
    "checksum": "sha256",
    "commit": "refs",
    "digest": "sha256",
    "files": "checkpoints",
    "hash": "sha256",
    "mirrors": "urls",
    "models": "entrypoints",
    "revision": "refs",
    "tag": "refs",
    "tags": "refs",
    "weights": "checkpoints",
}
_EXAMPLES = {
    "version": "version: 1",
    "url": "url: https://host/file.pth",
    "name": "name: resnet18",
}
_KEY = "[key]"
_NEEDS_QUOTES = frozenset("*&?[]{},:#'\"!|>%@` ")
_TEXTS = {
    "aliases": "owner/name",
    "fetch_url": "a URL or ${NAME}",
    "limit_rate": "a rate with its unit, such as 50MB/s",
    "max_size": "a size with its unit, such as 20GB",
    "repo": "owner/name",
    "url": "a URL",
    "urls": "a URL",
}
_ENTRY = {
    "repos": "`repo: owner/name`",
    "checkpoints": "`url: https://host/file.pth`",
    "entrypoints": "a call such as resnet18(pretrained=True)",
    "settings": "keys such as `jobs: 4`",
}


def translate(error: ErrorDetails, root: Node, file: str) -> Fault:
    """Give one of pydantic's errors its place in the file and a sentence."""
    path = error["loc"]
    node = locate(root, path)
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(root, path, file)
    if kind == "missing":
        message = _missing(str(path[-1]))
    elif kind == FAULT:
        message = f"{_named(path)}: {error['ctx']['sentence']}"
    elif kind == "literal_error":
        message = f"{_named(path)}: expected {error['ctx']['expected']}, got {_got(node)}"
    else:
        message = f"{_named(path)}: {_wrong_type(kind, path, node)}"
    return Fault(file, node.line, node.column, message)


def _named(path: Sequence[str | int]) -> str:
    names = [part for part in path if isinstance(part, str) and part != _KEY]
    if names and path[-1] == _KEY:
        return names[-2]
    return names[-1] if names else "manifest"


def _missing(key: str) -> str:
    example = _EXAMPLES.get(key)
    return f"{key}: is missing; add `{example}`" if example else f"{key}: is missing"


def _unknown_key(root: Node, path: Sequence[str | int], file: str) -> Fault:
    parent, key = locate(root, path[:-1]), str(path[-1])
    place = parent.keys[key] if isinstance(parent, MapNode) and key in parent.keys else parent
    known = _known_keys(path[:-1])
    meant = _MEANT.get(key.lower(), "")
    if meant not in known:
        close = difflib.get_close_matches(key.lower(), known, n=1)
        meant = close[0] if close else ""
    elsewhere = [name for name, entry in ENTRIES.items() if name and key in entry.model_fields]
    if meant:
        rest = f"did you mean {meant!r}?"
    elif elsewhere:
        rest = f"it goes into an entry of `{elsewhere[0]}:`; look at the indentation"
    else:
        rest = f"the keys here are {', '.join(known)}"
    return Fault(file, place.line, place.column, f"unknown key {shown(key)}; {rest}")


def _known_keys(path: Iterable[str | int]) -> list[str]:
    names = ["", *(part for part in path if part in ENTRIES)]
    return list(ENTRIES[str(names[-1])].model_fields)


def _wrong_type(kind: str, path: Sequence[str | int], node: Node) -> str:
    name = _named(path)
    if isinstance(node, ScalarNode) and node.value is None:
        return "has no value; write one after it, or remove the line"
    if not path:
        return f"expected `version: 1` and `repos:`, got {_got(node)}"
    match kind:
        case "string_type":
            return _not_text(name, node)
        case "int_type" | "int_from_float":
            return _not_a_number(name, node)
        case "list_type":
            return _not_a_list(name, node)
        case "model_type" | "model_attributes_type" | "dict_type":
            return _not_a_mapping(name, path, node)
        case _:
            return f"{_got(node)} cannot be here"


def _not_text(name: str, node: Node) -> str:
    if name in _TEXTS:
        return f"expected {_TEXTS[name]}, got {_got(node)}"
    if isinstance(node, ScalarNode):
        return f'expected text, got {_got(node)}; quote it: "{node.text}"'
    return f"expected text, got {_got(node)}"


def _not_a_number(name: str, node: Node) -> str:
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and node.text.isdecimal():
        return f"expected a number, got the text {node.text!r}; remove the quotes"
    expected = "the number 1" if name == "version" else "a whole number"
    return f"expected {expected}, got {_got(node)}"


def _not_a_list(name: str, node: Node) -> str:
    if isinstance(node, MapNode):
        return "expected a list, got a mapping; put `- ` in front of its first key"
    message = f"expected a list, got {_got(node)}"
    if not isinstance(node, ScalarNode) or name in ENTRIES or shown(node.text) != f"'{node.text}'":
        return message
    plain = name == "args" or (isinstance(node.value, str) and not set(node.text) & _NEEDS_QUOTES)
    written = node.text if plain else f'"{node.text}"'
    return f"{message}; write it as [{written}]"


def _not_a_mapping(name: str, path: Sequence[str | int], node: Node) -> str:
    expected = _ENTRY.get(name, "`key: value`")
    if isinstance(node, ListNode):
        return f"expected {expected}, got a list; remove a `- `"
    if isinstance(node, ScalarNode) and isinstance(path[-1], int) and name != "entrypoints":
        key = "repo" if name == "repos" else "url"
        return f"expected {expected}, got {_got(node)}; write `{key}:` in front of it"
    return f"expected {expected}, got {_got(node)}"


def _got(node: Node) -> str:
    if isinstance(node, MapNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    match node.value:
        case None:
            return "nothing"
        case bool():
            meant = str(node.value).lower()
            same = node.text.lower() == meant
            return node.text if same else f"{node.text}, which YAML takes for {meant}"
        case int() | float():
            return f"the number {node.text}"
        case Odd():
            return f"the {node.value.what} {shown(node.text)[1:-1]}"
        case _:
            return f"the text {shown(node.value)}"
