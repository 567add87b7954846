"""Keeps a clone small that many runs fetch into.

Each fetch leaves a pack, and a moving branch leaves its old commits. Owns: when that is too
much, and what goes. Invariant: what this run wants stays, and a reader at work is not
disturbed: git finds an object again in another pack. Whatever goes can be fetched again.
"""

from __future__ import annotations

import logging
from collections.abc import Set

from hubmirror.upstream.clones import COMMITS, Clone
from hubmirror.upstream.complaints import last_word
from hubmirror.upstream.git import GitProgram

_MOST_PACKS = 10
_KEPT_COMMITS = 10  # for the manifests that have their runs of their own
_NAMED = "refs/hubmirror/named"
_log = logging.getLogger(__name__)


def tidy(program: GitProgram, clone: Clone, wanted: Set[str]) -> None:
    """Make one pack of many, without commits that are neither wanted nor fetched lately.

    The caller keeps other fetches out. A failure is logged: the clone is as good as before.
    """
    if sum(1 for _ in (clone.folder / "objects/pack").glob("*.pack")) <= _MOST_PACKS:
        return
    commits = [path for path in (clone.folder / COMMITS).iterdir() if path.name not in wanted]
    commits.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    old = [*commits[_KEPT_COMMITS:], *(clone.folder / _NAMED).glob("*")]
    names = [path.relative_to(clone.folder).as_posix() for path in old]
    deletions = "".join(f"delete {name}\n" for name in names).encode()
    for command, given in (
        (["update-ref", "--stdin"], deletions),
        (["repack", "-a", "-d", "-l", "-q"], b""),
        (["prune", "--expire=now"], b""),  # takes the dropped commits out of `shallow`
    ):
        answer = program.run(command, folder=clone.folder, stdin=given, is_long=True)
        if answer.status:
            words = last_word(answer.stderr.splitlines())
            _log.warning("%s: git %s failed: %s", clone.folder, command[0], words)
            return
