"""What happens to strings: joined, formatted, cut, replaced; with parts that may not be known.

Invariant: the outcome is a string that the code could make, a pattern of it, or UNKNOWN.
"""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable, Mapping, Sequence

from hubmirror.hubconf.values import Text, Value
from hubmirror.scanning.values import (
    MOST_OPTIONS,
    UNKNOWN,
    Hole,
    Items,
    Known,
    Member,
    Pattern,
    Table,
    joined,
    one_of,
    options,
    plain,
)

Parts = tuple[str | Hole, ...]

_MOST_WORK = 1 << 20
_FIELD = re.compile(r"%(?:\((\w+)\))?[-+ #0]*(?:\d+)?(?:\.\d+)?([sdifrxX%])")
_SAME_LENGTH: Mapping[str, Callable[[str], str]] = {
    "casefold": str.casefold,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "capitalize": str.capitalize,
    "swapcase": str.swapcase,
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
}
_WITH_TEXTS: Mapping[str, Callable[..., str]] = {
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "removeprefix": str.removeprefix,
    "removesuffix": str.removesuffix,
    "replace": str.replace,
    "zfill": str.zfill,
}
_TESTS: Mapping[str, Callable[..., object]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "isdigit": str.isdigit,
    "find": str.find,
    "count": str.count,
}
_SPLITS: Mapping[str, Callable[..., Sequence[str]]] = {
    "split": str.split,
    "rsplit": str.rsplit,
    "splitlines": str.splitlines,
    "partition": str.partition,
    "rpartition": str.rpartition,
}


def parts_of(value: Value, name: str, spec: str = "") -> list[Parts]:
    """Return the strings that a value may be shown as; ``name`` stands for what is not known."""
    return [_parts(option, name, spec) for option in options(value)] or [(Hole(name),)]


def _parts(value: Value, name: str, spec: str) -> Parts:
    match plain(value):
        case Text(text):
            return (format(text, spec) if _is_harmless(spec) else text,)
        case Known(known) if not isinstance(known, bytes):
            return (_formatted(known, spec),)
        case Member(name=member):
            return (member,)
        case Pattern(parts):
            return parts
        case Hole() as hole:
            return (hole,)
        case _:
            return (Hole(name),)


def _is_harmless(spec: str) -> bool:
    return bool(spec) and re.fullmatch(r"[<>^]?\d{1,3}s?", spec) is not None


def _formatted(known: object, spec: str) -> str:
    if not re.fullmatch(r"[-+ 0<>^]{0,2}\d{0,3},?(\.\d{1,2})?[dfegxX]?", spec):
        return str(known)
    try:
        return format(known, spec)
    except (ValueError, TypeError):
        return str(known)


def concatenated(pieces: Sequence[Sequence[Parts]]) -> Value:
    """Join one choice of every piece with one of each other: all of them, within reason."""
    several = sum(len(piece) > 1 for piece in pieces)
    products = itertools.islice(itertools.product(*pieces), MOST_OPTIONS)
    texts = (joined(itertools.chain.from_iterable(product)) for product in products)
    return one_of(texts, is_mixed=several > 1)


def interpolated(pieces: Sequence[tuple[str, Sequence[Parts]]]) -> Value:
    """Join the pieces of an f-string; pieces with one name always make the same choice."""
    choices: dict[str, Sequence[Parts]] = {}
    for name, parts in pieces:
        choices.setdefault(name, parts)
    several = sum(len(choice) > 1 for choice in choices.values())
    made = []
    for product in itertools.islice(itertools.product(*choices.values()), MOST_OPTIONS):
        chosen = dict(zip(choices, product, strict=True))
        made.append(joined(part for name, _ in pieces for part in chosen[name]))
    return one_of(made, is_mixed=several > 1)


def percent(template: str, value: Value) -> Value:
    """Do what ``template % value`` does."""
    values = plain(value)
    given = list(values.items) if isinstance(values, Items) else [value]
    pieces: list[Sequence[Parts]] = []
    done = 0
    for field in _FIELD.finditer(template):
        pieces.append([(template[done : field.start()],)])
        done = field.end()
        if field[2] == "%":
            pieces.append([("%",)])
        else:
            taken = given.pop(0) if given and not field[1] else UNKNOWN
            if isinstance(values, Table) and field[1]:
                taken = values.get(Text(field[1]))
            pieces.append(parts_of(taken, field[1] or "..."))
    return concatenated([*pieces, [(template[done:],)]])


def formatted(template: str, positional: Sequence[Value], named: Mapping[str, Value]) -> Value:
    """Do what ``template.format(...)`` does."""
    pieces: list[tuple[str, Sequence[Parts]]] = []
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError:
        return UNKNOWN
    for index, (literal, field, spec, _) in enumerate(fields):
        pieces.append((f"literal {index}", [(literal,)]))
        if field is None:
            continue
        head = re.split(r"[.\[]", field)[0]
        automatic = sum(1 for one in fields[:index] if one[1] == "")
        place = int(head) if head.isdecimal() and len(head) < 4 else automatic
        if head and not head.isdecimal():
            value = named.get(head, UNKNOWN)
        else:
            value = positional[place] if place < len(positional) else UNKNOWN
        value = value if head == field else UNKNOWN
        pieces.append((field or f"{automatic}", parts_of(value, field or "...", spec or "")))
    return interpolated(pieces)


def method(owner: Text | Pattern, name: str, arguments: Sequence[Value]) -> Value:
    """Do what a method of a string does."""
    if name == "join" and isinstance(owner, Text):
        return _join(owner.text, arguments)
    if name == "encode":
        return owner
    if isinstance(owner, Pattern):
        return _of_pattern(owner, name, arguments)
    given = [_native(argument) for argument in arguments]
    if None in given:
        return UNKNOWN
    try:
        return _of_text(owner.text, name, given)
    except (ValueError, TypeError, OverflowError, MemoryError):
        return UNKNOWN


def _of_text(text: str, name: str, given: Sequence[object]) -> Value:
    if name in _SAME_LENGTH and not given:
        return Text(_SAME_LENGTH[name](text))
    if name == "zfill" and not all(isinstance(one, int) and one < 100 for one in given):
        return UNKNOWN
    if len(text) * max((len(str(one)) for one in given), default=0) > _MOST_WORK:
        return UNKNOWN
    if name in _WITH_TEXTS:
        return joined((_WITH_TEXTS[name](text, *given),))
    if name in _TESTS:
        tested = _TESTS[name](text, *given)
        return Known(tested) if isinstance(tested, int) else UNKNOWN
    if name in _SPLITS:
        return Items([Text(part) for part in _SPLITS[name](text, *given)])
    return UNKNOWN


def _native(value: Value) -> object:
    match plain(value):
        case Text(text):
            return text
        case Known(int() as number):
            return number
        case Items(items, is_open=False):
            natives = tuple(_native(item) for item in items)
            return None if None in natives else natives
        case _:
            return None


def _of_pattern(owner: Pattern, name: str, arguments: Sequence[Value]) -> Value:
    """Do to the known parts what is done to each character alone; else nothing is known."""
    given = [_native(argument) for argument in arguments]
    if name in ("lower", "upper", "casefold") and not given:
        change = _SAME_LENGTH[name]
        return Pattern(tuple(change(p) if isinstance(p, str) else p for p in owner.parts))
    head, start = owner.parts[0], given[0] if given else None
    if name == "startswith" and isinstance(head, str) and isinstance(start, str):
        return Known(head.startswith(start)) if len(start) <= len(head) else UNKNOWN
    if name in ("strip", "rstrip"):
        return owner
    return UNKNOWN


def _join(separator: str, arguments: Sequence[Value]) -> Value:
    held = plain(arguments[0]) if arguments else UNKNOWN
    if not isinstance(held, Items) or held.is_open:
        return UNKNOWN
    pieces: list[Sequence[Parts]] = []
    for index, item in enumerate(held.items):
        if index:
            pieces.append([(separator,)])
        pieces.append(parts_of(item, "..."))
    return concatenated(pieces)


def cut(owner: Text, start: Value, stop: Value, step: Value) -> Value:
    """Do what ``text[start:stop:step]`` does."""
    bounds: list[int | None] = []
    for bound in map(plain, (start, stop, step)):
        if not isinstance(bound, Known) or not isinstance(bound.value, int | None):
            return UNKNOWN
        bounds.append(bound.value)
    return UNKNOWN if bounds[2] == 0 else Text(owner.text[slice(*bounds)])


def character(owner: Text, index: Value) -> Value:
    """Do what ``text[index]`` does."""
    match plain(index):
        case Known(int() as number) if -len(owner.text) <= number < len(owner.text):
            return Text(owner.text[number])
        case _:
            return UNKNOWN
