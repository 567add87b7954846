"""Options that several commands share."""

from __future__ import annotations

import click

mirror = click.option(
    "--mirror",
    metavar="DIR",
    help="The mirror; else HUBMIRROR, else `mirror:` in the user's or the site's settings.",
)
state = click.option(
    "--state",
    metavar="DIR",
    help="The writer's own folder, on a local disk; else HUBMIRROR_STATE, else the default.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
publication = click.option(
    "--publication", metavar="DIGEST", default="", help="Not the current publication but this one."
)
