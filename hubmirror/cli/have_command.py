"""``hubmirror have``."""

from __future__ import annotations

import argparse

from hubmirror.carry.having import take_stock
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.state import find_state
from hubmirror.verify import Memory

_DESCRIPTION = """\
Print what this mirror has, for the side that makes bundles.

One JSON document: the digests of all blobs that are here with the right size, about 43 bytes
each, and which publication is served. `hubmirror export --have FILE` packs exactly what is not in
it. Reads only. What an unfinished import brought counts; what the last `hubmirror verify` on this
host found damaged does not. Nothing but catalogs is hashed.
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
    made.add_state()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print what a mirror has; it is JSON with and without ``--json``."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    with Mirror.open(settings.require_mirror().absolute()) as opened:
        state = find_state(settings, opened.id)
        known_bad = Memory(state.verified).bad() if state else frozenset()
        render.say(take_stock(opened, known_bad=known_bad).encode())
    return ExitCode.OK
