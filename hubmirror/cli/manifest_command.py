"""``hubmirror manifest check|schema``."""

from __future__ import annotations

from pathlib import Path

import click

from hubmirror.cli import options, render
from hubmirror.cli.groups import Group
from hubmirror.specs import Manifest


@click.group(
    name="manifest",
    cls=Group,
    epilog="""\b
Examples:
  hubmirror manifest check manifest.yaml
  hubmirror manifest schema >manifest.schema.json
""",
)
def command() -> None:
    """Check a manifest, or print the schema of manifests."""


@command.command(
    epilog="""\b
Examples:
  hubmirror manifest check manifest.yaml
  hubmirror manifest check /etc/hubmirror/manifests.d
"""
)
@click.argument(
    "manifests",
    nargs=-1,
    required=True,
    metavar="MANIFEST...",
    type=click.Path(path_type=Path),
)
@options.as_json
def check(manifests: tuple[Path, ...], *, as_json: bool) -> None:
    """Read manifests and name all their faults; fetch nothing.

    Each MANIFEST is a YAML or JSON file, or a folder of them. Each fault is a line
    `file:line:column: what is wrong`; the exit code is then 65.
    """
    from hubmirror.manifest.reading import check_sources, find_manifests, read_manifest

    found = [read_manifest(path) for path in find_manifests(manifests)]
    check_sources(found)
    if as_json:
        render.document({"manifests": [_fields(one) for one in found]})
    else:
        for one in found:
            repos = render.count(len(one.repos), "repo")
            checkpoints = render.count(_checkpoints(one), "checkpoint")
            render.say(f"{one.file}: no faults; source {one.name!r}: {repos}, {checkpoints}")


def _fields(one: Manifest) -> dict[str, object]:
    return {
        "file": one.file,
        "name": one.name,
        "repos": len(one.repos),
        "checkpoints": _checkpoints(one),
    }


def _checkpoints(one: Manifest) -> int:
    return sum(1 for _ in one.all_checkpoints())


@command.command()
def schema() -> None:
    """Print the JSON Schema of manifests, for editors and CI."""
    from hubmirror.manifest.schema import schema_text

    click.echo(schema_text(), nl=False)
