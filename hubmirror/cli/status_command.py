"""``hubmirror status``."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.durations import parse_duration
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror, Serving
from hubmirror.proofs import Standing, State, standings
from hubmirror.records import Unit
from hubmirror.settings import Settings
from hubmirror.state import find_state, last_success

_DESCRIPTION = """\
Say what is published, how old it is, and what is not whole.

Reads only, needs no network, and works on a mirror that belongs to somebody else. The age is
that of the last sync on this host that was a full success, whether or not it published anything;
where this host has no state folder of the mirror, it is the age of the publication.
"""
_EXAMPLES = """\
Examples:
  hubmirror status --mirror /srv/hubmirror
  hubmirror status --max-age 7d --json
"""


@dataclass(frozen=True, slots=True)
class _Status:
    """What is to be said."""

    mirror: Mirror
    serving: Serving
    failing: Sequence[Unit]
    standings: Sequence[Standing]
    last_success_at: str
    age_s: int
    is_too_old: bool
    is_held: bool
    free_bytes: int


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("status", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_state()
    made.add_argument(
        "--max-age",
        metavar="AGE",
        help="End with exit code 3 when the last success is older: 90m, 12h, 7d or 2w.",
    )
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print how the mirror is; 3 when it is not whole, or too old."""
    most_s = parse_duration(arguments.max_age) if arguments.max_age else None
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    with Mirror.open(settings.require_mirror().absolute()) as mirror:
        found = _look(mirror, settings, most_s)
    if arguments.as_json:
        render.document(_fields(found))
    else:
        _show(found)
    return ExitCode.INCOMPLETE if found.failing or found.is_too_old else ExitCode.OK


def _look(mirror: Mirror, settings: Settings, most_s: int | None) -> _Status:
    serving = mirror.serving()
    state = find_state(settings, mirror.id)
    succeeded = last_success(state) if state else ""
    fresh_at = succeeded or serving.publication.created_at
    age_s = int((datetime.now(UTC) - datetime.fromisoformat(fresh_at)).total_seconds())
    return _Status(
        mirror=mirror,
        serving=serving,
        failing=serving.catalog.failing_units(),
        standings=standings(
            serving.catalog,
            mirror.evidence(serving.publication),
            serving.catalog.declaring_units(),
        ),
        last_success_at=succeeded,
        age_s=age_s,
        is_too_old=most_s is not None and age_s > most_s,
        is_held=mirror.publications.is_held(),
        free_bytes=shutil.disk_usage(mirror.root).free,
    )


def _show(found: _Status) -> None:
    publication, counts = found.serving.publication, found.serving.publication.counts
    holds = ", ".join(
        (
            render.count(counts.repos, "repo"),
            render.count(counts.snapshots, "snapshot"),
            render.count(counts.checkpoints, "checkpoint"),
            render.size(counts.size_bytes),
        )
    )
    render.say(f"{found.mirror.root} (mirror {found.mirror.id})")
    for name, value in (
        ("publication", f"{found.serving.digest.hex[:12]}, sequence {publication.sequence}"),
        ("created", publication.created_at),
        ("last success", found.last_success_at or "not known on this host"),
        ("age", f"{render.age(found.age_s)}{', too old' if found.is_too_old else ''}"),
        ("holds", holds),
        ("entrypoints", _proofs(found)),
        ("free", render.size(found.free_bytes)),
        ("publishing", "on hold" if found.is_held else "open"),
    ):
        render.say(f"  {name + ':':13} {value}")
    for unit in found.failing:
        render.say(f"{unit.state}: {_name(unit)} (source {unit.source}): {unit.reason}")


def _count(found: _Status, state: State) -> int:
    return sum(one.state is state for one in found.standings)


def _proofs(found: _Status) -> str:
    counts = [f"{number} {state}" for state in State if (number := _count(found, state))]
    return ", ".join(counts) or "none declared"


def _name(unit: Unit) -> str:
    return unit.repo.title if unit.repo else unit.name


def _fields(found: _Status) -> dict[str, object]:
    publication = found.serving.publication
    return {
        "mirror": found.mirror.id,
        "publication": found.serving.digest.hex,
        "sequence": publication.sequence,
        "created_at": publication.created_at,
        "last_success_at": found.last_success_at or None,
        "age_s": found.age_s,
        "too_old": found.is_too_old,
        "held": found.is_held,
        "repos": publication.counts.repos,
        "snapshots": publication.counts.snapshots,
        "checkpoints": publication.counts.checkpoints,
        "size_bytes": publication.counts.size_bytes,
        "proofs": {state.value: _count(found, state) for state in State},
        "free_bytes": found.free_bytes,
        "units": [
            {
                "source": unit.source,
                "name": _name(unit),
                "state": unit.state.value,
                "reason": unit.reason,
            }
            for unit in found.failing
        ],
    }
