"""``hubmirror materialize``."""

from __future__ import annotations

import argparse
from pathlib import Path

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.hub.materializing import materialize, plan_layout
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.resolve import check_spec
from hubmirror.settings import Settings

_DESCRIPTION = """\
Write torch.hub's own layout into a folder, for people who cannot install hubmirror.

With TORCH_HOME set to that folder plain torch.hub.load finds repos and weights there, with no
network. Refuses what that layout would mix up: two URLs that end in one file name, say.
"""
_EXAMPLES = """\
Examples:
  hubmirror materialize --torch-home /shared/torch
  hubmirror materialize --torch-home ~/torch pytorch/vision:v0.10.0
  TORCH_HOME=/shared/torch python train.py
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("materialize", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "--torch-home", metavar="DIR", required=True, help="The folder; made if it is missing."
    )
    made.add_argument(
        "specs",
        metavar="OWNER/REPO[:REF]",
        nargs="*",
        help="What to write, with its weights; without any: all that the mirror holds.",
    )
    made.add_mirror()
    made.add_publication()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Write the folder."""
    settings = Settings.load(mirror=arguments.mirror, publication=arguments.publication)
    specs = [check_spec(text) for text in arguments.specs]
    home = Path(arguments.torch_home).expanduser().absolute()
    with Mirror.open(settings.require_mirror()) as mirror:
        asked = settings.publication
        serving = mirror.serving(parse_publication(asked, mirror) if asked else None)
        layout = plan_layout(serving.catalog, specs, mirror.quarantine(serving))
        done = materialize(mirror, layout, home)
    for line in done.left_out:
        render.note(f"left out: {line}")
    if arguments.as_json:
        render.document(
            {
                "torch_home": str(home),
                "publication": serving.digest.hex,
                "written": list(done.written),
                "kept": list(done.kept),
                "left_out": list(done.left_out),
            }
        )
        return 0
    for name in done.written:
        render.say(f"wrote {name}")
    render.say(f"{home}: {len(done.written)} written, {len(done.kept)} there already")
    return 0
