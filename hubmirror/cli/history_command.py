"""``hubmirror history``."""

from __future__ import annotations

from collections.abc import Iterable

import click

from hubmirror.cli import options, render
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.records import Digest
from hubmirror.settings import Settings


@click.command(
    epilog="""\b
Examples:
  hubmirror history
  hubmirror history --json | jq -r '.publications[0].created_at'
"""
)
@options.mirror
@options.as_json
def command(mirror: str | None, *, as_json: bool) -> None:
    """List the publications that are kept, the newest first.

    Any of them can still be read: `--publication DIGEST` of `list` and `show`, `publication=`
    of `hubmirror.load`, or HUBMIRROR_PUBLICATION.
    """
    with Mirror.open(Settings.load(mirror=mirror).require_mirror()) as opened:
        current = opened.serving().digest
        found = list(opened.publications.history(current))
    if as_json:
        render.document({"publications": [_fields(one, digest, current) for digest, one in found]})
    else:
        _show(found, current)


def _show(found: Iterable[tuple[Digest, Publication]], current: Digest) -> None:
    render.table(
        ("SEQUENCE", "PUBLICATION", "CREATED", "REPOS", "CHECKPOINTS", "SIZE", ""),
        [
            (
                str(one.sequence),
                digest.hex[:12],
                one.created_at,
                str(one.counts.repos),
                str(one.counts.checkpoints),
                render.size(one.counts.size_bytes),
                "current" if digest == current else "",
            )
            for digest, one in found
        ],
    )


def _fields(one: Publication, digest: Digest, current: Digest) -> dict[str, object]:
    return {
        "digest": digest.hex,
        "origin": one.origin,
        "sequence": one.sequence,
        "created_at": one.created_at,
        "tool": one.tool,
        "repos": one.counts.repos,
        "snapshots": one.counts.snapshots,
        "checkpoints": one.counts.checkpoints,
        "size_bytes": one.counts.size_bytes,
        "current": digest == current,
    }
