"""How messages name what there is: what was probably meant, and long lists in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_MOST_NAMES = 12


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)``, or nothing when no name is near."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def shorten(names: Sequence[str]) -> str:
    """Return names in one line, the tail of a long list as a count."""
    shown = ", ".join(names[:_MOST_NAMES])
    rest = len(names) - _MOST_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown
