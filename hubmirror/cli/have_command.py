"""``hubmirror have``."""

from __future__ import annotations

import argparse

from hubmirror.carry.having import take_stock
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings

_DESCRIPTION = """\
Print what this mirror has, for the side that makes bundles.

One JSON document: the digests of all blobs that are here with the right size, about 43 bytes
each, and which publication is served. `hubmirror export --have FILE` packs exactly what is not in
it. Reads only. What an unfinished import brought counts. Nothing but catalogs is hashed: where
`hubmirror verify` names a damaged file, remove it first.
"""
_EXAMPLES = """\
Examples:
  hubmirror have > have.json
  hubmirror have --mirror /mnt/hubmirror > /media/stick/have.json
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("have", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print what a mirror has; it is JSON with and without ``--json``."""
    settings = Settings.load(mirror=arguments.mirror)
    with Mirror.open(settings.require_mirror()) as opened:
        render.say(take_stock(opened).encode())
    return ExitCode.OK
