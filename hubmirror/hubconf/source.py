"""Turns the bytes of a repo's Python files into syntax trees, within bounds.

Knows nothing of what the code means. Invariant: whatever the bytes are, the outcome is a
tree or InvalidInputError.
"""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from collections.abc import Callable

from hubmirror.errors import InvalidInputError

MAX_FILE_BYTES = 1 << 20
MAX_READS = 5000  # asking for a file that is not there costs as much as one that is
MAX_READ_BYTES = 64 << 20
MAX_PARSED_BYTES = 6 << 20  # a tree takes up to a hundred times the memory of its text

_PYTHON_2 = re.compile(
    rb"""^[ \t]*(?: print [ \t]+ [^\s=(.,:)]
                  | exec [ \t]+ ["'\w]
                  | except [ \t]+ [\w.]+ [ \t]* , [ \t]* \w+ [ \t]* :
                  | raise [ \t]+ [\w.]+ [ \t]* , )""",
    re.MULTILINE | re.VERBOSE,
)

# ast.parse warns of odd escapes in other people's code; the filters that stop that belong
# to the process, so two threads of ours must not change and restore them at once.
_filters = threading.Lock()


class Sources:
    """The files of one repo, each read at most once.

    Attributes:
        is_exhausted: True once something was not read because it would have been too much.
    """

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self.is_exhausted = False
        self._read = read
        self._contents: dict[str, bytes | None] = {}
        self._trees: dict[str, ast.Module] = {}
        self._read_bytes = 0
        self._parsed_bytes = 0

    def content(self, path: str) -> bytes | None:
        """Return the bytes of a file, cut when it is too large; None for no such file."""
        if path in self._contents:
            return self._contents[path]
        if len(self._contents) >= MAX_READS or self._read_bytes >= MAX_READ_BYTES:
            self.is_exhausted = True
            return None
        content = self._read(path)
        kept = None if content is None else content[: MAX_FILE_BYTES + 1]
        self._read_bytes += len(kept or b"")
        self._contents[path] = kept
        return kept

    def tree(self, path: str) -> ast.Module:
        """Parse a file of the repo.

        Raises:
            InvalidInputError: when it is missing, broken, or beyond the bounds.
        """
        if path in self._trees:
            return self._trees[path]
        content = self.content(path)
        if content is None:
            raise InvalidInputError(f"{path}: no such file")
        if len(content) > MAX_FILE_BYTES:
            raise InvalidInputError(f"{path}: more than {MAX_FILE_BYTES} bytes")
        self._parsed_bytes += len(content)
        if self._parsed_bytes > MAX_PARSED_BYTES:
            self.is_exhausted = True
            raise InvalidInputError(f"{path}: too many files to follow")
        tree = self._trees[path] = parse(content, path)
        return tree


def parse(content: bytes, path: str) -> ast.Module:
    """Return the syntax tree of a Python file.

    Raises:
        InvalidInputError: with the line and what this interpreter has against it.
    """
    try:
        with _filters, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content, filename=path)
    except SyntaxError as error:
        if not error.lineno or error.msg.startswith("(unicode error)"):
            raise InvalidInputError(f"{path}: {error.msg}") from error
        message = f"{path}:{error.lineno}: {error.msg}"
        raise InvalidInputError(message, hint=_hint(content)) from error
    except (RecursionError, MemoryError) as error:
        raise InvalidInputError(f"{path}: nested too deeply to be read") from error
    except (ValueError, LookupError) as error:  # a NUL, or a codec that is not for text
        raise InvalidInputError(f"{path}: {error}") from error


def _hint(content: bytes) -> str:
    if _PYTHON_2.search(content):
        return "it looks like Python 2, which no current torch runs"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"read by Python {version}: syntax of a newer Python needs a newer Python here too"
