"""``hubmirror source``."""

from __future__ import annotations

import argparse

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import UsageError
from hubmirror.lifecycle.sources import remove_sources
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.writer import Turn

_DESCRIPTION = """\
List the sources of a mirror, or take some out.

A source is a manifest as the mirror knows it. `rm` is the only way that one leaves: the rest is
published without it, and its bytes go by a later `hubmirror prune`. A sync of its manifest would
bring it back.
"""
_EXAMPLES = """\
Examples:
  hubmirror source list
  hubmirror source rm vision-team
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("source", _DESCRIPTION, _EXAMPLES)
    made.add_argument("action", metavar="list|rm", choices=("list", "rm"), help="What to do.")
    made.add_argument("names", metavar="NAME", nargs="*", help="The sources to take out.")
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """List sources, or take some out."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    if arguments.action == "list":
        if arguments.names:
            raise UsageError("`source list` takes no names")
        _list(settings, as_json=arguments.as_json)
        return 0
    if not arguments.names:
        raise UsageError("`source rm` needs the NAME of a source")
    turn = Turn("source rm", arguments.wait, arguments.take_over)
    published = remove_sources(settings, arguments.names, turn)
    if arguments.as_json:
        sequence = published.publication.sequence
        fields = {"publication": published.digest.hex, "sequence": sequence}
        render.document({"removed": list(arguments.names), **fields})
    else:
        render.say(
            f"published sequence {published.publication.sequence} ({published.digest.hex[:12]}) "
            f"without {', '.join(arguments.names)}"
        )
    return 0


def _list(settings: Settings, *, as_json: bool) -> None:
    with Mirror.open(settings.require_mirror()) as mirror:
        holdings = mirror.serving().catalog.holdings()
    counts = {source.name: 0 for source in holdings.sources}
    for unit in holdings.units:
        counts[unit.source] += 1
    if as_json:
        render.document({"sources": [{"name": k, "units": v} for k, v in counts.items()]})
    elif not counts:
        render.say("the mirror has no source")
    else:
        render.table(("SOURCE", "UNITS"), [(name, str(n)) for name, n in counts.items()])
