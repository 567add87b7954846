"""``hubmirror release``."""

from __future__ import annotations

import argparse

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.lifecycle.going_back import release
from hubmirror.settings import Settings
from hubmirror.writer import Turn

_DESCRIPTION = """\
Let publishing go on after a rollback.

The next sync publishes what it finds: mend the manifest or the lock first if the same content must
not come back.
"""
_EXAMPLES = """\
Examples:
  hubmirror release && hubmirror sync manifest.yaml
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("release", _DESCRIPTION, _EXAMPLES)
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """End the hold, if there is one."""
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    held = release(settings, Turn("release", arguments.wait, arguments.take_over))
    if arguments.as_json:
        fields = {"since": held.since, "reason": held.reason} if held else None
        render.document({"released": fields})
    elif held:
        render.say("publishing goes on: the next sync publishes what it finds")
    else:
        render.say("nothing to do: publishing is not on hold")
    return 0
