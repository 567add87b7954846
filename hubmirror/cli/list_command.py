"""``hubmirror list``."""

from __future__ import annotations

import click

from hubmirror.catalog import Catalog
from hubmirror.cli import options, render
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.records import Unit
from hubmirror.settings import Settings


@click.command()
@options.mirror
@options.publication
@options.as_json
def command(mirror: str | None, publication: str, *, as_json: bool) -> None:
    """List what the mirror holds: repos with their refs, and checkpoints that stand alone."""
    with Mirror.open(Settings.load(mirror=mirror).require_mirror()) as opened:
        wanted = parse_publication(publication, opened) if publication else None
        catalog = opened.catalog(wanted)
        if as_json:
            render.document({"units": [_fields(unit) for unit in catalog.units()]})
        else:
            _show(catalog)


def _show(catalog: Catalog) -> None:
    rows: list[tuple[str, str, str, str, str]] = []
    for unit in catalog.units():
        size = render.size(_size(unit))
        refs = ", ".join(ref.name for ref in unit.repo.refs) if unit.repo else ""
        name = unit.repo.title if unit.repo else unit.name
        checkpoints = str(len(unit.checkpoints))
        rows.append((name, refs or "-", checkpoints, size, f"{unit.state} ({unit.source})"))
    if rows:
        render.table(("REPO OR URL", "REFS", "CHECKPOINTS", "SIZE", "STATE (SOURCE)"), rows)
    else:
        click.echo("the mirror holds nothing yet")


def _size(unit: Unit) -> int:
    return sum(blob.size_bytes for blob in unit.blobs())


def _fields(unit: Unit) -> dict[str, object]:
    repo = unit.repo
    return {
        "source": unit.source,
        "name": repo.title if repo else unit.name,
        "state": unit.state.value,
        "reason": unit.reason,
        "size_bytes": _size(unit),
        "default_branch": repo.default_branch if repo else None,
        "aliases": list(repo.aliases) if repo else [],
        "refs": [
            {"name": ref.name, "kind": ref.kind.value, "commit": ref.commit}
            for ref in (repo.refs if repo else ())
        ],
        "checkpoints": [
            {"url": row.url, "sha256": row.digest.hex, "size_bytes": row.size_bytes}
            for row in unit.checkpoints
        ],
    }
