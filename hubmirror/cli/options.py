"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from hubmirror.durations import parse_duration

mirror = click.option(
    "--mirror",
    metavar="DIR",
    help="The mirror's folder; else HUBMIRROR, else `mirror:` in the user's or site's settings.",
)
state = click.option(
    "--state",
    metavar="DIR",
    help="The writer's own folder, on a local disk; else HUBMIRROR_STATE, else `state:` in the "
    "settings, else a folder of this mirror's under /var/lib (root) or ~/.local/state.",
)
wait = click.option(
    "--wait",
    metavar="TIME",
    default="0",
    callback=lambda _context, _option, text: parse_duration(text),
    help="Wait so long (30s, 10m) for a writer that is at work, and not end with 75.",
)
take_over = click.option(
    "--take-over", is_flag=True, help="Let this host write from now on, where another one did."
)
lock_dir = click.option(
    "--lock-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of locks; else each is beside its manifest.",
)
read_mirror = click.option(
    "--mirror",
    metavar="DIR",
    default="",
    help="Read the repo out of this mirror, without any network.",
)
repo_url = click.option(
    "--url",
    metavar="URL",
    default="",
    help="The repo's git address, when it is not the one that its name implies.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout, of an error too."
)
publication = click.option(
    "--publication",
    metavar="DIGEST",
    default="",
    help="Read this publication and not the current one; the first digits of its digest will do.",
)
