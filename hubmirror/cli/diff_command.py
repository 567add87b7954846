"""``hubmirror diff``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import groupby

from hubmirror import urls
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.differences import Difference, Kind, Subject, compare
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.records import Digest, Holdings
from hubmirror.settings import Settings

_DESCRIPTION = """\
Say what changed between two publications: sources, repos, refs, checkpoints.

A and B are publications, the older one first; the first digits of a digest will do. Without B it
is the current one; without A as well, the current one and the one that it replaced.
"""
_EXAMPLES = """\
Examples:
  hubmirror diff
  hubmirror diff 48faa057 cec03fac
  hubmirror diff 48faa057 --json | jq '.differences[] | select(.subject == "ref")'
"""
_MARKS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~"}


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("diff", _DESCRIPTION, _EXAMPLES)
    made.add_argument("before", metavar="A", nargs="?", default="", help="The older publication.")
    made.add_argument("after", metavar="B", nargs="?", default="", help="The newer publication.")
    made.add_mirror()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print every difference."""
    with Mirror.open(Settings.load(mirror=arguments.mirror).require_mirror()) as mirror:
        digest, current = mirror.current()
        after = parse_publication(arguments.after, mirror) if arguments.after else digest
        before = current.previous
        if arguments.before:
            before = parse_publication(arguments.before, mirror)
        found = compare(_holdings(mirror, before), _holdings(mirror, after))
    if arguments.as_json:
        render.document(_fields(before, after, found))
    else:
        _show(found)
    return 0


def _holdings(mirror: Mirror, publication: Digest | None) -> Holdings:
    return mirror.catalog(publication).holdings() if publication else Holdings()


def _show(found: Iterable[Difference]) -> None:
    lines = 0
    for (source, unit), rows in groupby(found, key=lambda one: (one.source, one.unit)):
        for one in rows:
            lines += 1
            render.say(_line(one, f"{urls.redact(unit)} (source {source})"))
    if not lines:
        render.say("no difference in content")


def _line(one: Difference, owner: str) -> str:
    mark = _MARKS[one.kind]
    match one.subject:
        case Subject.SOURCE:
            return f"{mark} source {one.source}"
        case Subject.UNIT:
            return f"{mark} {owner}"
        case Subject.STATE:
            return f"{mark} {owner}: {one.before} -> {one.after}"
        case Subject.REF | Subject.CHECKPOINT:
            change = " -> ".join(text[:12] for text in (one.before, one.after) if text)
            return f"{mark} {owner}: {urls.redact(one.name)} {change}"


def _fields(before: Digest | None, after: Digest, found: Iterable[Difference]) -> dict[str, object]:
    return {
        "before": before.hex if before else None,
        "after": after.hex,
        "differences": [
            {
                "subject": one.subject.value,
                "kind": one.kind.value,
                "source": one.source,
                "unit": one.unit or None,
                "name": one.name or None,
                "before": one.before or None,
                "after": one.after or None,
            }
            for one in found
        ],
    }
