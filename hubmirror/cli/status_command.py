"""``hubmirror status``."""

from __future__ import annotations

import argparse
from pathlib import Path

from hubmirror import urls
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.durations import parse_duration
from hubmirror.errors import ExitCode
from hubmirror.health import Health, look
from hubmirror.last_run import LastRun
from hubmirror.metrics import write_metrics
from hubmirror.mirror import Mirror
from hubmirror.records import Unit
from hubmirror.settings import Settings
from hubmirror.specs import Drift

_DESCRIPTION = """\
Say what is published, how old it is, what is not whole, and what upstream did.

Reads only, needs no network, and works on a mirror that belongs to somebody else. The age is
that of the last sync on this host that was a full success, whether or not it published anything;
where this host has no state folder of the mirror, it is the age of the publication.
"""
_EXAMPLES = """\
Examples:
  hubmirror status --mirror /srv/hubmirror
  hubmirror status --max-age 7d --json
  hubmirror status --metrics /var/lib/node_exporter/textfile/hubmirror.prom
"""


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
    made.add_argument(
        "--metrics",
        metavar="FILE",
        type=Path,
        help="Also write the same for Prometheus, for node_exporter's textfile collector.",
    )
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print how the mirror is; 3 when it is not whole, or too old."""
    most_s = parse_duration(arguments.max_age) if arguments.max_age else None
    settings = Settings.load(mirror=arguments.mirror, state=arguments.state)
    with Mirror.open(settings.require_mirror().absolute()) as mirror:
        found = look(mirror, settings)
        if arguments.metrics:
            write_metrics(found, arguments.metrics.absolute())
    is_too_old = most_s is not None and found.age_s > most_s
    if arguments.as_json:
        render.document(_fields(found) | {"too_old": is_too_old})
    else:
        _show(found, is_too_old=is_too_old)
    return ExitCode.INCOMPLETE if found.failing or is_too_old else ExitCode.OK


def _show(found: Health, *, is_too_old: bool) -> None:
    publication, counts = found.serving.publication, found.serving.publication.counts
    holds = ", ".join(
        (
            render.count(counts.repos, "repo"),
            render.count(counts.snapshots, "snapshot"),
            render.count(counts.checkpoints, "checkpoint"),
            render.size(counts.size_bytes),
        )
    )
    free = render.size(found.free_bytes)
    if found.state_free_bytes is not None:
        free += f", and {render.size(found.state_free_bytes)} for the writer's state"
    checked = found.last_run.urls_checked_at if found.last_run else ""
    render.say(f"{found.mirror.root} (mirror {found.mirror.id})")
    for name, value in (
        ("publication", f"{found.serving.digest.hex[:12]}, sequence {publication.sequence}"),
        ("created", publication.created_at),
        ("last success", found.last_success_at or "not known on this host"),
        ("last attempt", _attempt(found.last_run)),
        ("URLs asked", checked or "never, as far as this host knows"),
        ("age", f"{render.age(found.age_s)}{', too old' if is_too_old else ''}"),
        ("holds", holds),
        ("entrypoints", _entrypoints(found)),
        ("free", free),
        ("publishing", "on hold" if found.is_held else "open"),
    ):
        render.say(f"  {name + ':':13} {value}")
    _show_failing(found)


def _show_failing(found: Health) -> None:
    for unit in found.failing:
        since = found.failing_since(unit)
        head = f"{unit.state}{f' since {since}' if since else ''}"
        render.say(f"{head}: {_name(unit)} (source {unit.source}): {unit.reason}")
    for source, name, one in found.findings():
        is_said = any(one.message in unit.reason for unit in found.failing)
        if one.policy is not Drift.FOLLOW and not is_said:
            since = f" since {one.since}" if one.since else ""
            render.say(f"{one.kind} ({one.policy}){since}: {name} (source {source}): {one.message}")
    followed = sum(one.policy is Drift.FOLLOW for _, _, one in found.findings())
    if followed:
        render.say(f"followed upstream: {render.count(followed, 'finding')}; --json names them")


def _attempt(run: LastRun | None) -> str:
    if run is None:
        return "not known on this host"
    known = {int(code): code.name.lower() for code in ExitCode}
    why = f": {run.error}" if run.error else ""
    return f"{run.ended_at}, exit code {run.exit_code} ({known.get(run.exit_code, 'new')}){why}"


def _entrypoints(found: Health) -> str:
    said = [f"{number} {state}" for state, number in found.entrypoints.items() if number]
    return ", ".join(said) or "none declared"


def _name(unit: Unit) -> str:
    return unit.repo.title if unit.repo else urls.redact(unit.name)


def _fields(found: Health) -> dict[str, object]:
    publication, run = found.serving.publication, found.last_run
    return {
        "mirror": found.mirror.id,
        "publication": found.serving.digest.hex,
        "sequence": publication.sequence,
        "created_at": publication.created_at,
        "last_success_at": found.last_success_at or None,
        "last_attempt_at": run.ended_at if run else None,
        "last_exit_code": run.exit_code if run else None,
        "last_error": run.error or None if run else None,
        "urls_checked_at": run.urls_checked_at or None if run else None,
        "age_s": found.age_s,
        "held": found.is_held,
        "repos": publication.counts.repos,
        "snapshots": publication.counts.snapshots,
        "checkpoints": publication.counts.checkpoints,
        "size_bytes": publication.counts.size_bytes,
        "proofs": dict(found.entrypoints),
        "free_bytes": found.free_bytes,
        "state_free_bytes": found.state_free_bytes,
        "units": [
            {
                "source": unit.source,
                "name": _name(unit),
                "state": unit.state.value,
                "since": found.failing_since(unit) or None,
                "reason": unit.reason,
            }
            for unit in found.failing
        ],
        "findings": [
            {"source": source, "unit": name, **render.finding(one)}
            for source, name, one in found.findings()
        ],
    }
