"""Spans of time as people write them: 30s, 90m, 12h, 7d, 2w."""

from __future__ import annotations

import re

from hubmirror.errors import InvalidInputError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(rf"([0-9]{{1,6}})([{''.join(_UNITS_S)}])", re.ASCII)


def parse_duration(text: str) -> int:
    """Read ``12h`` as seconds; ``0`` needs no unit.

    Raises:
        InvalidInputError: when it is no such span.
    """
    found = _DURATION.fullmatch("0s" if text == "0" else text)
    if not found:
        raise InvalidInputError(f"expected a time such as 90m, 12h, 7d or 2w, got {text!r}")
    return int(found[1]) * _UNITS_S[found[2]]
