"""``hubmirror bundles``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hubmirror import exports
from hubmirror.carry.answering import acknowledge, give_up
from hubmirror.carry.receipts import Receipt
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import ExitCode, NotFoundError
from hubmirror.exports import Export
from hubmirror.layout import StateLayout
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings
from hubmirror.state import find_state

_DESCRIPTION = """\
List the bundles that were made here, and say what became of them.

A bundle is `carried` until a receipt of the far side acknowledges it, or it is said to be lost. As
long as it is carried, and for no longer than the grace of `hubmirror prune`, everything that it
holds is kept here, so that a part can be made again.
"""
_EXAMPLES = """\
Examples:
  hubmirror bundles
  hubmirror bundles acknowledge receipt.txt
  hubmirror bundles lost 1b4e28ba-000042-9f86d081
"""
_ANSWERS = {"acknowledge": "receipt", "lost": "bundle"}


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("bundles", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "answer",
        nargs="?",
        choices=_ANSWERS,
        metavar="acknowledge|lost",
        help="What became of a bundle; without it, all are listed.",
    )
    made.add_argument(
        "what",
        nargs="?",
        metavar="RECEIPT|BUNDLE",
        help="The receipt that acknowledges it (a file, or - for standard input), or the bundle "
        "that is lost (its name, or the first digits of its id).",
    )
    made.add_mirror()
    made.add_state()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """List bundles, or answer some and list those."""
    if arguments.answer and not arguments.what:
        parser().error(f"{arguments.answer}: which {_ANSWERS[arguments.answer]}?")
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    with Mirror.open(settings.require_mirror().absolute()) as mirror:
        state = find_state(settings, mirror.id)
    now = datetime.now(UTC)
    found = _answered(arguments, state, now) if arguments.answer else _recorded(state)
    if arguments.as_json:
        render.document({"bundles": [_fields(one, now) for one in found]})
    elif arguments.answer:
        for one in found:
            render.say(f"{one.name}: {one.state}{f' by {one.arrived_in}' * bool(one.arrived_in)}")
    else:
        _show(found, now)
    return ExitCode.OK


def _recorded(state: StateLayout | None) -> Sequence[Export]:
    return exports.recorded(state) if state else ()


def _answered(
    arguments: argparse.Namespace, state: StateLayout | None, now: datetime
) -> Sequence[Export]:
    if state is None:
        raise NotFoundError(
            "nothing was exported here: this host has no state folder of the mirror",
            hint="run this where `hubmirror export` ran, as the same user; else: --state DIR",
        )
    if arguments.answer == "lost":
        return [give_up(state, arguments.what, now=now)]
    is_piped = arguments.what == "-"
    content = sys.stdin.buffer.read() if is_piped else Path(arguments.what).read_bytes()
    where = "standard input" if is_piped else arguments.what
    return acknowledge(state, Receipt.decode(content, where=where), now=now)


def _show(found: Sequence[Export], now: datetime) -> None:
    if not found:
        render.say("no bundle was made here")
        return
    render.table(
        ("BUNDLE", "PUBLICATION", "BASE", "PARTS", "BLOBS", "SIZE", "AGE", "STATE"),
        [
            (
                one.name,
                one.carries.hex[:12],
                one.base,
                str(one.parts),
                f"{one.blobs:,}",
                render.size(one.size_bytes),
                render.age(one.age_s(now)),
                one.state.value,
            )
            for one in found
        ],
    )


def _fields(export: Export, now: datetime) -> dict[str, object]:
    return {
        "bundle": export.bundle.hex,
        "name": export.name,
        "publication": export.publication.hex,
        "view": export.view.hex if export.view else None,
        "origin": export.origin,
        "sequence": export.sequence,
        "base": export.base,
        "destination": export.destination or None,
        "parts": export.parts,
        "blobs": export.blobs,
        "size_bytes": export.size_bytes,
        "created_at": export.created_at,
        "age_s": export.age_s(now),
        "state": export.state.value,
        "answered_at": export.answered_at or None,
        "arrived_in": export.arrived_in or None,
    }
