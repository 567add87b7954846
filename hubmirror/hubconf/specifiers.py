"""Reads version specifiers (PEP 440, PEP 508 and Poetry's) as far as a minimum needs it.

Knows nothing of files. Says nothing of where it runs: the same text gives the same answer
on every machine, so markers are judged for an offline node, which runs CPython on Linux.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_REQUIREMENT = re.compile(
    r"\s*torch\s*(?:\[[^\]]*\])?\s*(?P<versions>[(<>=!~][^;@]*)?(?:;(?P<marker>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_MINIMUM = re.compile(r"(?:>=|===?|~=|>)\s*v?(\d{1,9}(?:\.\d{1,9})*)")
_MARKER = re.compile(r"\s*(\w+)\s*(==|!=|<=|>=|<|>|~=)\s*(['\"])([^'\"]*)\3\s*")
_NODE = {
    "implementation_name": ("cpython",),
    "os_name": ("posix",),
    "platform_machine": ("x86_64", "aarch64"),
    "platform_python_implementation": ("CPython",),
    "platform_system": ("Linux",),
    "sys_platform": ("linux",),
}


def oldest_torch(requirements: Iterable[str]) -> str | None:
    """Return the minimum that requirements state for torch, as digits and dots.

    An exact pin is a minimum. Empty when torch is named without one; None when it is not
    named at all. Several lines all hold, so the highest counts; lines under a marker are
    alternatives, so of those the lowest counts, and only when nothing holds without one.
    """
    always: list[str] = []
    sometimes: list[str] = []
    for requirement in requirements:
        match = _REQUIREMENT.fullmatch(requirement.partition("@")[0])
        if match is None or not may_hold(match["marker"] or ""):
            continue
        found = max(_MINIMUM.findall(match["versions"] or ""), key=_order, default="")
        (sometimes if match["marker"] else always).append(found)
    if always:
        return max(always, key=_order)
    return min(sometimes, key=_order, default=None)


def may_hold(marker: str) -> bool:
    """Tell whether a marker can hold on an offline node; one in parentheses cannot be told."""
    alternatives = re.split(r"\bor\b", marker)
    return not marker.strip() or any(
        all(_atom_may_hold(atom) for atom in re.split(r"\band\b", alternative))
        for alternative in alternatives
    )


def _atom_may_hold(atom: str) -> bool:
    match = _MARKER.fullmatch(atom)
    if match is None:
        return False
    variable, operator, value = match[1], match[2], match[4]
    if variable in ("python_version", "python_full_version"):
        return True  # any Python may be there
    known = _NODE.get(variable, ())
    return value in known if operator == "==" else bool(known) and (value,) != known


def from_poetry(text: str) -> str:
    """Write one of Poetry's specifiers as PEP 440: ``^1.10`` is ``>=1.10,<2``."""
    caret = re.fullmatch(r"\s*([\^~])\s*(\d{1,9}(?:\.\d{1,9})*)\s*", text)
    if caret is None:
        exact = re.fullmatch(r"\s*(\d[\w.]*)\s*", text)
        anything = "" if text.strip() == "*" else text
        return f"=={exact[1]}" if exact else anything
    parts = [int(part) for part in caret[2].split(".")]
    if caret[1] == "~":
        fixed = min(len(parts), 2)
    else:
        fixed = next((i for i, part in enumerate(parts) if part), len(parts) - 1) + 1
    upper = [*parts[: fixed - 1], parts[fixed - 1] + 1]
    return f">={caret[2]},<{'.'.join(str(part) for part in upper)}"


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)
