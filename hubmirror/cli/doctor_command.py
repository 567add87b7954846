"""``hubmirror doctor``."""

from __future__ import annotations

import argparse

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.hub.doctor import STALE_DAYS, Diagnosis, diagnose
from hubmirror.resolve import check_spec
from hubmirror.settings import Settings

_DESCRIPTION = """\
Say what would fail on this machine, before any model is loaded.

Looks at Python, torch, its devices, the settings, the cache, the mirror, and what each mirrored
repo needs; runs no code of a repo. What to install comes as one line for all of them.
"""
_EXAMPLES = """\
Examples:
  hubmirror doctor
  hubmirror doctor pytorch/vision:v0.10.0 --mirror /mnt/hubmirror
  hubmirror doctor --json | jq -r .pip
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("doctor", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "specs",
        metavar="OWNER/REPO[:REF]",
        nargs="*",
        help="Which repos will be loaded; without any: all that are mirrored.",
    )
    made.add_argument(
        "--stale-days",
        metavar="DAYS",
        type=int,
        default=STALE_DAYS,
        help=f"Say so when the publication is older than this (default {STALE_DAYS}).",
    )
    made.add_mirror()
    made.add_publication()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Look at everything, and say it."""
    settings = Settings.load(mirror=arguments.mirror, publication=arguments.publication)
    specs = [check_spec(text) for text in arguments.specs]
    found = diagnose(settings, specs, arguments.stale_days)
    if arguments.as_json:
        render.document(_fields(found))
    else:
        _show(found)
    return found.exit_code


def _show(found: Diagnosis) -> None:
    for finding in found.findings:
        mark = "bad" if finding.exit_code else "look" if finding.hint else "ok"
        render.say(f"{mark:5} {finding.subject}: {finding.message}")
        for line in finding.hint.splitlines():
            render.say(f"        {line}")
    if found.pip:
        render.say(f"\nto install all that is missing:\n  {found.pip}")


def _fields(found: Diagnosis) -> dict[str, object]:
    return {
        "exit_code": int(found.exit_code),
        "pip": found.pip,
        "findings": [
            {
                "subject": one.subject,
                "message": one.message,
                "hint": one.hint,
                "exit_code": int(one.exit_code),
            }
            for one in found.findings
        ],
    }
