"""Which classes and functions a pickle names, read from its instructions.

Nothing is imported or called: ``pickletools`` takes a pickle apart, and does no more.
"""

from __future__ import annotations

import _compat_pickle
import pickletools
from dataclasses import dataclass
from typing import IO

from hubmirror.inspection.allowlist import ALLOWED, OPCODES

LARGEST_BYTES = 64 * 1024 * 1024
"""The most that is read of a file's pickles: those of torch hold names and shapes, no tensors."""

_UNTOLD = "(computed while loading)"
_LONGEST_NAME = 200


class PickleError(Exception):
    """Bytes that are no pickle, or one too large to be read."""


@dataclass(frozen=True, slots=True)
class Pickled:
    """What pickles ask for.

    Attributes:
        names: Every class and function, as ``module.name``, that torch does not allow by itself.
        is_plain: True where ``weights_only=True`` knows each instruction.
    """

    names: frozenset[str] = frozenset()
    is_plain: bool = True

    def __or__(self, other: Pickled) -> Pickled:
        return Pickled(self.names | other.names, self.is_plain and other.is_plain)


class Reader:
    """Hands a stream to ``pickletools``, and no more of it than is good."""

    def __init__(self, stream: IO[bytes], most_bytes: int = LARGEST_BYTES) -> None:
        self._stream = stream
        self._left = most_bytes

    def read(self, size: int) -> bytes:
        """Read so many bytes, unless that is too much."""
        if not 0 <= size <= self._left:
            raise PickleError(f"a pickle of more than {LARGEST_BYTES:,} bytes")
        return self._spend(self._stream.read(size))

    def readline(self) -> bytes:
        """Read to the end of a line."""
        return self._spend(self._stream.readline(self._left + 1))

    def _spend(self, content: bytes) -> bytes:
        self._left -= len(content)
        if self._left < 0:
            raise PickleError(f"a pickle of more than {LARGEST_BYTES:,} bytes")
        return content


def read_pickle(reader: Reader) -> Pickled:
    """Read one pickle to its end; what follows it stays unread.

    Raises:
        PickleError: when it is none.
    """
    names: set[str] = set()
    is_plain = True
    strings = _Strings()
    try:
        for opcode, argument, _ in pickletools.genops(reader):  # type: ignore[arg-type]  # all it asks of a file
            is_plain = is_plain and opcode.name in OPCODES
            if opcode.name in ("GLOBAL", "INST"):
                names.add(_modern(*str(argument).split(" ", 1)))
            elif opcode.name == "STACK_GLOBAL":
                names.add(strings.as_name())
            elif opcode.name in ("EXT1", "EXT2", "EXT4"):
                names.add(_UNTOLD)
            strings.note(opcode.name, argument)
    except PickleError:
        raise
    except Exception as error:  # pickletools promises no particular one for bytes that are none
        raise PickleError(str(error)) from error
    return Pickled(frozenset(map(_shown, names - ALLOWED)), is_plain)


def first_number(reader: Reader) -> int | None:
    """Return the number that a pickle is, or None where it is anything else."""
    number: int | None = None
    try:
        for opcode, argument, _ in pickletools.genops(reader):  # type: ignore[arg-type]
            if opcode.name in ("LONG1", "BININT", "BININT1", "BININT2") and number is None:
                number = argument
            elif opcode.name not in ("PROTO", "FRAME", "STOP"):
                return None
    except Exception:  # noqa: BLE001 - no pickle, in whichever way
        return None
    return number


class _Strings:
    """Follows the last two strings, of which protocol 4 makes a name."""

    def __init__(self) -> None:
        self._last: list[object] = []
        self._memo: dict[object, object] = {}
        self._count = 0

    def note(self, opcode: str, argument: object) -> None:
        if opcode == "MEMOIZE":
            self._memo[self._count] = self._top()
            self._count += 1
        elif opcode.endswith("PUT"):
            self._memo[argument] = self._top()
        elif opcode.endswith("GET"):
            self._push(self._memo.get(argument))
        elif opcode not in ("PROTO", "FRAME"):
            self._push(argument if isinstance(argument, str) else None)

    def as_name(self) -> str:
        match self._last:
            case [str() as module, str() as name]:
                return _modern(module, name)
            case _:
                return _UNTOLD

    def _push(self, value: object) -> None:
        self._last = [*self._last[-1:], value]

    def _top(self) -> object:
        return self._last[-1] if self._last else None


def _modern(module: str, name: str = "") -> str:
    """Return a name as Python 3 has it, as torch does before it asks its own list."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        module, name = _compat_pickle.NAME_MAPPING[module, name]
    else:
        module = _compat_pickle.IMPORT_MAPPING.get(module, module)
    return f"{module}.{name}"


def _shown(name: str) -> str:
    shown = name if name.isprintable() else ascii(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[:_LONGEST_NAME]}..."
