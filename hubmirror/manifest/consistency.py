"""What no value of a manifest shows alone: that it wants nothing, duplicates, contradictions.

Works on the tree and not on checked values, so that its faults come together with all others.
Passes over what is malformed: that fault is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hubmirror.errors import Fault, InvalidInputError
from hubmirror.manifest.addresses import check_repo_url, name_repo, shown
from hubmirror.manifest.nodes import ListNode, MapNode, Node, ScalarNode
from hubmirror.manifest.values import check_repo, parse_checksum
from hubmirror.records import RepoKey

_LISTS = ("repos", "checkpoints")
_KEYS = {"version", "name", "settings", *_LISTS}


@dataclass(frozen=True, slots=True)
class _Claim:
    """The entry that first said a name is its own; ``node`` is where."""

    node: Node
    title: str
    url: str


def find_faults(root: Node, *, file: str) -> list[Fault]:
    """Return these faults of a manifest, in no order."""
    return [
        Fault(file, node.line, node.column, message)
        for node, message in (*_nothing(root), *_names(root), *_repeats(root), *_checksums(root))
    ]


def _nothing(root: Node) -> Iterator[tuple[Node, str]]:
    """Find that no list is there: a file cut off would remove all that its source has."""
    if not isinstance(root, MapNode) or not root.fields.keys() <= _KEYS:
        return  # an unknown key is a fault of its own, and may be one of the two misspelt
    given = [root.fields[key] for key in _LISTS if key in root.fields]
    if all(isinstance(node, ScalarNode) and node.value is None for node in given):
        yield (
            given[0] if given else root,
            "neither repos: nor checkpoints: has an entry; if the source shall be empty, "
            "write `repos: []`",
        )


def _names(root: Node) -> Iterator[tuple[Node, str]]:
    claims: dict[RepoKey, _Claim] = {}
    aliases: list[tuple[_Claim, ScalarNode]] = []
    for entry in _items(root, "repos"):
        if not isinstance(entry, MapNode):
            continue
        key = "repo" if "repo" in entry.fields else "url"
        if key not in entry.fields:
            yield entry, "repo: is missing; add `repo: owner/name`, or `url:` with a git address"
        elif _is_sound(entry, "repo", check_repo) and _is_sound(entry, "url", check_repo_url):
            node = entry.fields[key]
            try:
                claim = _Claim(node, *name_repo(_text(entry, "repo"), _text(entry, "url")))
            except InvalidInputError as error:
                yield node, f"{key}: {error.message}"
                continue
            first = claims.setdefault(RepoKey.parse(claim.title), claim)
            if first is not claim:
                yield node, _same_repo(first, claim)
            aliases += [(claim, alias) for alias in _texts(entry, "aliases")]
    for claim, alias in aliases:
        yield from _alias(claims, claim, alias)


def _same_repo(first: _Claim, second: _Claim) -> str:
    message = f"repo: {second.title!r} is here already, at line {first.node.line}"
    if first.url != second.url:
        message += f", with another address: {shown(first.url)} there, {shown(second.url)} here"
    return f"{message}; merge the two entries into one"


def _alias(
    claims: dict[RepoKey, _Claim], claim: _Claim, alias: ScalarNode
) -> Iterator[tuple[Node, str]]:
    try:
        check_repo(alias.text)
    except InvalidInputError:
        return
    try:
        name_repo(alias.text, "")
    except InvalidInputError as error:
        yield alias, f"aliases: {error.message}"
        return
    owner = claims.setdefault(RepoKey.parse(alias.text), claim)
    if owner is not claim and owner.node is not claim.node:
        yield (
            alias,
            f"aliases: {alias.text!r} is already a name of {owner.title!r} "
            f"(line {owner.node.line}), and one name means one repo",
        )


def _repeats(root: Node) -> Iterator[tuple[Node, str]]:
    for entry in (root, *_items(root, "repos")):
        checkpoints = _items(entry, "checkpoints")
        for key in ("refs", "aliases", "entrypoints"):
            yield from _repeated(key, _texts(entry, key))
        yield from _repeated("url", (url for item in checkpoints for url in _own_url(item)))
        for item in checkpoints:
            yield from _repeated("urls", (*_own_url(item), *_texts(item, "urls")))


def _repeated(key: str, nodes: Iterable[ScalarNode]) -> Iterator[tuple[Node, str]]:
    first: dict[str, ScalarNode] = {}
    for node in nodes:
        if first.setdefault(node.text, node) is not node:
            line = first[node.text].line
            yield node, f"{key}: {shown(node.text)} is here twice; the first is at line {line}"


def _checksums(root: Node) -> Iterator[tuple[Node, str]]:
    known: dict[str, tuple[str, int]] = {}
    entries = (root, *_items(root, "repos"))
    items = [item for entry in entries for item in _items(entry, "checkpoints")]
    for item in sorted(items, key=lambda item: (item.line, item.column)):
        if not isinstance(item, MapNode) or not _is_sound(item, "sha256", parse_checksum):
            continue
        url, checksum = _text(item, "url"), _text(item, "sha256")
        if not url or not checksum:
            continue
        digits, node = str(parse_checksum(checksum)), item.fields["sha256"]
        other, line = known.setdefault(url, (digits, node.line))
        if not digits.startswith(other) and not other.startswith(digits):
            message = f"{shown(url)} cannot have two: {other} at line {line}, {digits} here"
            yield node, f"sha256: {message}"
        elif len(digits) > len(other):
            known[url] = (digits, node.line)


def _items(entry: Node, key: str) -> list[Node]:
    value = entry.fields.get(key) if isinstance(entry, MapNode) else None
    return value.items if isinstance(value, ListNode) else []


def _texts(entry: Node, key: str) -> Iterator[ScalarNode]:
    for item in _items(entry, key):
        if isinstance(item, ScalarNode) and isinstance(item.value, str):
            yield item


def _own_url(entry: Node) -> Iterator[ScalarNode]:
    node = entry.fields.get("url") if isinstance(entry, MapNode) else None
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        yield node


def _text(entry: MapNode, key: str) -> str:
    node = entry.fields.get(key)
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else ""


def _is_sound(entry: MapNode, key: str, check: Callable[[str], object]) -> bool:
    """Tell whether a key is absent, or holds text that passes its check."""
    if key not in entry.fields:
        return True
    text = _text(entry, key)
    if not text:
        return False
    try:
        check(text)
    except InvalidInputError:
        return False
    return True
