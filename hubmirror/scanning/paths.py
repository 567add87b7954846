"""What happens to paths and addresses as such: joined, resolved, matched.

A path of the repo is written as one below ``/``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urljoin

from hubmirror.hubconf.values import Text, Value
from hubmirror.scanning.strings import Parts, concatenated, parts_of
from hubmirror.scanning.values import UNKNOWN, Pattern, plain


def joined_paths(values: Sequence[Value], *, names: Sequence[str] = ()) -> Value:
    """Do what ``os.path.join`` does."""
    pieces: list[Sequence[Parts]] = []
    for index, value in enumerate(values):
        name = names[index] if index < len(names) else "..."
        parts = parts_of(value, name)
        if all(isinstance(one[0], str) and one[0].startswith("/") for one in parts if one):
            pieces = []
        pieces += [[("/",)], parts] if _needs_slash(pieces) else [parts]
    return _normal(concatenated(pieces))


def _needs_slash(pieces: Sequence[Sequence[Parts]]) -> bool:
    if not pieces:
        return False
    ends = [parts[-1] if parts else "" for parts in pieces[-1]]
    return not all(isinstance(end, str) and (end.endswith("/") or not end) for end in ends)


def _normal(value: Value) -> Value:
    """Resolve ``..`` in paths of the repo, which are written as below ``/``."""
    if isinstance(value, Text) and value.text.startswith("/") and "/." in value.text:
        return Text(posixpath.normpath(value.text))
    return value


def joined_url(base: Value, other: Value) -> Value:
    """Do what ``urllib.parse.urljoin`` does."""
    match plain(base), plain(other):
        case Text(left), Text(right):
            try:
                return Text(urljoin(left, right))
            except ValueError:
                return UNKNOWN
        case Text(left), _:
            return concatenated([[(left.rpartition("/")[0] + "/",)], parts_of(other, "...")])
        case _:
            return UNKNOWN


def quoted(value: Value) -> Value:
    """Do what ``urllib.parse.quote`` does."""
    return Text(quote(value.text)) if isinstance(value, Text) else UNKNOWN


def matches(pattern: Pattern, candidates: Sequence[str]) -> Iterator[str]:
    """Go through the candidates that a pattern may stand for."""
    return (candidate for candidate in candidates if _fits(pattern, candidate))


def _fits(pattern: Pattern, candidate: str) -> bool:
    """Find the known parts one after the other: a regular expression could try for ever."""
    first, last = pattern.parts[0], pattern.parts[-1]
    if isinstance(first, str) and not candidate.startswith(first):
        return False
    if isinstance(last, str) and not candidate.endswith(last):
        return False
    at = 0
    for part in pattern.parts:
        if isinstance(part, str):
            found = candidate.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
    return True
