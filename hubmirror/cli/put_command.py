"""``hubmirror put``."""

from __future__ import annotations

from pathlib import Path

import click

from hubmirror.cli import options, render
from hubmirror.records import Digest
from hubmirror.settings import Settings


@click.command(
    epilog="""\b
Examples:
  hubmirror put https://gated.example/weights.pth ~/Downloads/weights.pth
  hubmirror put https://gated.example/w.pth w.pth --sha256 "$(cut -c1-64 w.pth.sha256)"
"""
)
@click.argument("url", metavar="URL")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--sha256", metavar="DIGEST", default="", help="Refuse the file unless this is its sha256."
)
@options.mirror
@options.state
@options.wait
@options.take_over
@options.as_json
def command(
    url: str,
    file: Path,
    sha256: str,
    mirror: str | None,
    state: str | None,
    *,
    wait: int,
    take_over: bool,
    as_json: bool,
) -> None:
    """Let FILE, which you fetched by hand, stand for URL.

    For what a licence gate, a share without direct links or a dead host keeps from sync. The
    next sync of a manifest that wants URL takes these bytes and asks no network for them;
    until then they wait, whatever else is synced.
    """
    from hubmirror.sync.putting import put
    from hubmirror.writer import Turn

    expected = Digest.parse(sha256) if sha256 else None
    settings = Settings.load(mirror=mirror, state=state)
    blob = put(url, file, expected, settings, Turn("put", wait, take_over))
    if as_json:
        fields = {"url": url, "sha256": blob.digest.hex, "size_bytes": blob.size_bytes}
        render.document(fields)
    else:
        click.echo(f"{url}: {render.size(blob.size_bytes)}, sha256 {blob.digest}; waits for sync")
