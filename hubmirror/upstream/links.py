"""Which symlinks of a tree lead to something within it.

Pure. Invariant: following links that were kept, one step after the other, never leaves the
tree and always ends at a file or folder of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

LEAVES = "it leads out of the tree"
DANGLES = "it leads nowhere"

_MOST_STEPS = 40  # as Linux counts


def judge_links(links: Mapping[str, str], paths: Collection[str]) -> dict[str, str]:
    """Say which links cannot be kept, and why.

    A link that leads through one which is not kept cannot be kept either.

    Args:
        links: Path to target.
        paths: Every other path that is there; a submodule counts as a folder.
    """
    verdicts: dict[str, str] = {}
    while True:
        kept = {path: target for path, target in links.items() if path not in verdicts}
        folders = folders_of([*paths, *kept])
        found = {path: _verdict(path, kept, paths, folders) for path in kept}
        refused = {path: verdict for path, verdict in found.items() if verdict}
        if not refused:
            return verdicts
        verdicts |= refused


def folders_of(paths: Iterable[str]) -> set[str]:
    """Return every folder that these paths lie in."""
    found: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return found


def _verdict(
    link: str, links: Mapping[str, str], paths: Collection[str], folders: Collection[str]
) -> str:
    here = link.split("/")[:-1]
    ahead = [link.rpartition("/")[2]]
    steps = 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return LEAVES
            here.pop()
            continue
        path = "/".join([*here, part])
        if path in links:
            steps += 1
            target = links[path]
            if target.startswith("/"):
                return LEAVES
            if steps > _MOST_STEPS or not target:
                return DANGLES
            ahead.extend(reversed(target.split("/")))
        elif path in folders or (path in paths and not ahead):
            here.append(part)
        else:
            return DANGLES
    return ""
