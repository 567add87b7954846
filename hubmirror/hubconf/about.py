"""What was read of a hubconf.py, as a value and as the bytes of a snapshot's ``about`` blob.

Knows nothing of Python source. Invariant: equal values encode to equal bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from hubmirror.errors import FormatError


@dataclass(frozen=True, order=True, slots=True)
class Entrypoint:
    """A callable of a repo's hubconf.py.

    Attributes:
        name: What the caller of ``torch.hub.load`` writes.
        signature: ``(pretrained=False, **kwargs)``; empty when unknown.
        doc: Its whole docstring without indentation; empty when it has none.
        file: Where it is defined: a POSIX path in the repo.
        line: Counted from 1.
    """

    name: str
    signature: str
    doc: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Hubconf:
    """What a repo says of itself at one commit.

    Attributes:
        entrypoints: Ordered by name. A list to show, not a gate: what an installed package
            lends to hubconf.py loads too, and is not here.
        open_ended: True when hubconf.py may hold further entrypoints, made at run time.
        dependencies: Import names from its ``dependencies``; empty when they cannot be told.
        requires_torch: The oldest torch that the repo states, digits and dots, or empty.
        requires_python: The specifier that the repo states, such as ``>=3.8``, or empty.
    """

    entrypoints: tuple[Entrypoint, ...]
    open_ended: bool
    dependencies: tuple[str, ...]
    requires_torch: str
    requires_python: str

    def encode(self) -> bytes:
        """Return this as JSON: ASCII, sorted keys, one line."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return f"{text}\n".encode("ascii")

    @classmethod
    def decode(cls, content: bytes) -> Hubconf:
        """Read what ``encode`` wrote; keys that a newer version added are ignored.

        Raises:
            FormatError: when it is anything else.
        """
        try:
            fields = json.loads(content)
            return cls(
                entrypoints=tuple(_entrypoint(entry) for entry in fields["entrypoints"]),
                open_ended=bool(fields["open_ended"]),
                dependencies=tuple(str(name) for name in fields["dependencies"]),
                requires_torch=str(fields["requires_torch"]),
                requires_python=str(fields["requires_python"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            message = f"not the description of a hubconf.py: {type(error).__name__}: {error}"
            raise FormatError(message) from error


def _entrypoint(fields: dict[str, str | int]) -> Entrypoint:
    return Entrypoint(
        name=str(fields["name"]),
        signature=str(fields["signature"]),
        doc=str(fields["doc"]),
        file=str(fields["file"]),
        line=int(fields["line"]),
    )
