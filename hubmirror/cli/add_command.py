"""``hubmirror add``."""

from __future__ import annotations

from pathlib import Path

import click

from hubmirror.cli import options


@click.command(
    epilog="""\b
Examples:
  hubmirror add facebookresearch/dinov2 dinov2_vits14 --to manifest.yaml
  hubmirror add pytorch/vision:v0.10.0 'resnet18(pretrained=True)' --to manifest.yaml
  hubmirror add gmberton/CosPlace --to manifest.yaml --dry-run
"""
)
@click.argument("repo", metavar="OWNER/REPO[:REF]")
@click.argument("entrypoints", metavar="[ENTRYPOINT...]", nargs=-1)
@click.option(
    "--to",
    "manifest",
    required=True,
    metavar="MANIFEST",
    type=click.Path(path_type=Path),
    help="The manifest to add to; made where it is missing.",
)
@options.repo_url
@options.read_mirror
@click.option("--dry-run", is_flag=True, help="Print the changed lines and write nothing.")
@options.as_json
def command(
    repo: str,
    entrypoints: tuple[str, ...],
    manifest: Path,
    url: str,
    mirror: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add a repo to a manifest, with the weights that a scan finds.

    ENTRYPOINT is a name, or a call such as `resnet18(pretrained=True)`: what must work offline.
    With one, only the weights that it is known to need are added, else all. Comments, order and
    all that is in the manifest stay; adding again changes nothing.
    """
    from hubmirror.cli import add_output  # with all that scanning needs: `add --help` does not
    from hubmirror.cli.scanned import scanned
    from hubmirror.manifest.entrypoints import parse_call
    from hubmirror.scanning.adding import add

    calls = [parse_call(text) for text in entrypoints]
    added = add(scanned(repo, url=url, mirror=mirror), calls, manifest, dry_run=dry_run)
    show = add_output.show_document if as_json else add_output.show
    show(added, manifest, dry_run=dry_run)
