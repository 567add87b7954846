"""``hubmirror manifest check|schema``."""

from __future__ import annotations

from pathlib import Path

import click

from hubmirror.cli import options, render
from hubmirror.specs import CheckpointSpec, RepoSpec


@click.group(name="manifest")
def command() -> None:
    """Check a manifest, or print the schema of manifests."""


@command.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.as_json
def check(manifests: tuple[Path, ...], *, as_json: bool) -> None:
    """Read manifests and name all their faults; fetch nothing."""
    from hubmirror.manifest.reading import check_sources, find_manifests, read_manifest

    found = [read_manifest(path) for path in find_manifests(manifests)]
    check_sources(found)
    if as_json:
        render.document(
            {
                "manifests": [
                    {
                        "file": one.file,
                        "name": one.name,
                        "repos": len(one.repos),
                        "checkpoints": _checkpoints(one.repos, one.checkpoints),
                    }
                    for one in found
                ]
            }
        )
        return
    for one in found:
        repos = render.count(len(one.repos), "repo")
        checkpoints = render.count(_checkpoints(one.repos, one.checkpoints), "checkpoint")
        click.echo(f"{one.file}: no faults; source {one.name!r}: {repos}, {checkpoints}")


def _checkpoints(repos: tuple[RepoSpec, ...], loose: tuple[CheckpointSpec, ...]) -> int:
    return len(loose) + sum(len(repo.checkpoints) for repo in repos)


@command.command()
def schema() -> None:
    """Print the JSON Schema of manifests, for editors and CI."""
    from hubmirror.manifest.schema import manifest_schema

    render.document(manifest_schema())
