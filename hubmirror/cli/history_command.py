"""``hubmirror history``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.records import Digest
from hubmirror.settings import Settings
from hubmirror.writer_file import Hold, WriterFile

_DESCRIPTION = """\
List the publications that are kept, the newest first, and what became of each.

Any of them can still be read: `--publication DIGEST` of `list` and `show`, `publication=` of
`hubmirror.load`, or HUBMIRROR_PUBLICATION. A retired one is removed by a later `hubmirror prune`.
"""
_EXAMPLES = """\
Examples:
  hubmirror history
  hubmirror history --json | jq -r '.publications[0].created_at'
"""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A publication and what became of it."""

    digest: Digest
    publication: Publication
    is_current: bool
    is_rolled_back: bool
    retired_since: str
    pinned_for: tuple[str, ...]

    def words(self) -> str:
        """Say what became of it, for people."""
        said = ["current"] if self.is_current else []
        said += ["rolled back"] if self.is_rolled_back else []
        said += [f"retired {self.retired_since}"] if self.retired_since else []
        said += [f"pinned for {spec}" for spec in self.pinned_for]
        return ", ".join(said)


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("history", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print every publication."""
    with Mirror.open(Settings.load(mirror=arguments.mirror).require_mirror()) as mirror:
        known = WriterFile.read(mirror.root)
        entries = _entries(mirror, known)
    if arguments.as_json:
        render.document(
            {
                "held": known.held is not None,
                "held_since": known.held.since if known.held else None,
                "held_reason": known.held.reason if known.held else None,
                "publications": [_fields(one) for one in entries],
            }
        )
    else:
        _show(entries, known.held)
    return 0


def _entries(mirror: Mirror, known: WriterFile) -> list[_Entry]:
    serving = mirror.serving()
    found = mirror.publications.ordered(serving.digest)
    pins = mirror.evidence(serving.publication).pins
    undone = rolled_back(found)
    return [
        _Entry(
            digest,
            publication,
            digest == serving.digest,
            digest in undone,
            known.retired.get(digest, ""),
            tuple(pin.spec for pin in pins if pin.publication == digest),
        )
        for digest, publication in found
    ]


def rolled_back(history: Sequence[tuple[Digest, Publication]]) -> frozenset[Digest]:
    """Return what lies between a content and the same content come back: it was undone."""
    undone = set[Digest]()
    for at, (_, newer) in enumerate(history):
        same = [
            index
            for index, (_, one) in enumerate(history[at:], at)
            if one.content_digest == newer.content_digest
        ]
        between = history[at : same[-1]]
        undone |= {d for d, one in between if one.content_digest != newer.content_digest}
    return frozenset(undone)


def _show(entries: Sequence[_Entry], held: Hold | None) -> None:
    render.table(
        ("SEQUENCE", "PUBLICATION", "CREATED", "REPOS", "CHECKPOINTS", "SIZE", ""),
        [
            (
                str(one.publication.sequence),
                one.digest.hex[:12],
                one.publication.created_at,
                str(one.publication.counts.repos),
                str(one.publication.counts.checkpoints),
                render.size(one.publication.counts.size_bytes),
                one.words(),
            )
            for one in entries
        ],
    )
    if held:
        since = f" since {held.since}" if held.since else ""
        why = f": {held.reason}" if held.reason else ""
        render.say(f"\npublishing is on hold{since}{why}; `hubmirror release` lets it go on")


def _fields(one: _Entry) -> dict[str, object]:
    publication = one.publication
    return {
        "digest": one.digest.hex,
        "origin": publication.origin,
        "sequence": publication.sequence,
        "created_at": publication.created_at,
        "tool": publication.tool,
        "repos": publication.counts.repos,
        "snapshots": publication.counts.snapshots,
        "checkpoints": publication.counts.checkpoints,
        "size_bytes": publication.counts.size_bytes,
        "current": one.is_current,
        "rolled_back": one.is_rolled_back,
        "retired_since": one.retired_since or None,
        "pinned_for": list(one.pinned_for),
    }
