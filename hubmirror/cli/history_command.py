"""``hubmirror history``."""

from __future__ import annotations

import click

from hubmirror.cli import options, render
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings


@click.command()
@options.mirror
@options.as_json
def command(mirror: str | None, *, as_json: bool) -> None:
    """List the publications that are kept, the newest first."""
    with Mirror.open(Settings.load(mirror=mirror).require_mirror()) as opened:
        current, _ = opened.current()
        found = list(opened.publications.history(current))
    if as_json:
        render.document(
            {
                "publications": [
                    {
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
                    for digest, one in found
                ]
            }
        )
        return
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
