"""``hubmirror scan``."""

from __future__ import annotations

import click

from hubmirror.cli import options
from hubmirror.errors import UsageError


@click.command(
    epilog="""\b
Examples:
  hubmirror scan facebookresearch/dinov2
  hubmirror scan pytorch/vision:v0.10.0 --json | jq -r '.findings[].subject'
  hubmirror scan ./my-hub-repo
  hubmirror scan gmberton/CosPlace --manifest >manifest.yaml
"""
)
@click.argument("repo", metavar="OWNER/REPO[:REF]|DIR")
@options.repo_url
@options.read_mirror
@click.option(
    "--manifest", "as_manifest", is_flag=True, help="Print a manifest that can be built upon."
)
@options.as_json
def command(repo: str, url: str, mirror: str, *, as_manifest: bool, as_json: bool) -> None:
    """Say what a repo needs, from its source text; nothing of it is run.

    Entrypoints, weights, nested repos, Hugging Face models, other downloads, submodules, licence,
    requirements: each with its file and line, and how sure it is. A DIR that is there is read in
    place; any other repo is fetched into a folder that is removed again.
    """
    from hubmirror.cli import scan_output  # with all that scanning needs: `scan --help` does not
    from hubmirror.cli.scanned import scanned_anywhere

    if as_manifest and as_json:
        raise UsageError("--manifest and --json cannot both be what is printed")
    found = scanned_anywhere(repo, url=url, mirror=mirror)
    if as_manifest:
        scan_output.show_manifest(found, repo)
    elif as_json:
        scan_output.show_document(found)
    else:
        scan_output.show(found, repo)
