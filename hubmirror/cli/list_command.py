"""``hubmirror list``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from hubmirror.cli import options, render
from hubmirror.evidence import Quarantine
from hubmirror.mirror import Mirror, Serving, parse_publication
from hubmirror.proofs import Standing, State, standings
from hubmirror.records import Unit, UnitState
from hubmirror.settings import Settings

_Standings = defaultdict[tuple[str, str], list[Standing]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the units beside their rows."""

    quarantine: Quarantine
    standings: _Standings


@click.command(
    epilog="""\b
Examples:
  hubmirror list
  hubmirror list --publication 48faa057
  hubmirror list --json | jq -r '.units[] | select(.state != "complete") | .name'
"""
)
@options.mirror
@options.publication
@options.as_json
def command(mirror: str | None, publication: str, *, as_json: bool) -> None:
    """List what the mirror holds: repos with their refs, and checkpoints that stand alone.

    Reads only, and needs no network.
    """
    with Mirror.open(Settings.load(mirror=mirror).require_mirror()) as opened:
        wanted = parse_publication(publication, opened) if publication else None
        serving = opened.serving(wanted)
        units = tuple(serving.catalog.units())
        known = _Known(
            opened.quarantine(serving),
            _by_unit(standings(serving.catalog, opened.evidence(serving.publication), units)),
        )
    if as_json:
        render.document(_fields(serving, units, known))
    else:
        _show(units, known)


def _by_unit(found: Iterable[Standing]) -> _Standings:
    by_unit: _Standings = defaultdict(list)
    for one in found:
        by_unit[one.unit.source, one.unit.name].append(one)
    return by_unit


def _show(units: Sequence[Unit], known: _Known) -> None:
    if not units:
        render.say("the mirror holds nothing yet")
        return
    rows: list[tuple[str, ...]] = []
    for unit in units:
        refs = ", ".join(ref.name for ref in unit.repo.refs) if unit.repo else ""
        checkpoints = str(len(unit.checkpoints))
        size = render.size(_size(unit))
        own = known.standings[unit.source, unit.name]
        proved = sum(one.state is State.PROVED for one in own)
        loads = f"{proved}/{len(own)}" if own else "-"
        cells = (_name(unit), refs or "-", checkpoints, size, str(unit.state), loads, unit.source)
        rows.append(cells)
    titles = ("REPO OR URL", "REFS", "CHECKPOINTS", "SIZE", "STATE", "PROVED", "SOURCE")
    render.table(titles, rows)
    for unit in units:
        if unit.state is not UnitState.COMPLETE:
            render.say(f"\n{unit.state}: {_name(unit)}: {unit.reason}")
        for row in known.quarantine.among(unit.blobs()):
            render.say(f"\nquarantined: {_name(unit)}: {row.reason} (sha256 {row.digest})")


def _name(unit: Unit) -> str:
    return unit.repo.title if unit.repo else unit.name


def _size(unit: Unit) -> int:
    return sum(blob.size_bytes for blob in unit.blobs())


def _fields(serving: Serving, units: Sequence[Unit], known: _Known) -> dict[str, object]:
    return {
        "publication": serving.digest.hex,
        "sequence": serving.publication.sequence,
        "units": [_unit_fields(unit, known) for unit in units],
    }


def _unit_fields(unit: Unit, known: _Known) -> dict[str, object]:
    repo = unit.repo
    return {
        "source": unit.source,
        "name": _name(unit),
        "state": unit.state.value,
        "reason": unit.reason,
        "size_bytes": _size(unit),
        "quarantined": render.quarantined(known.quarantine.among(unit.blobs())),
        "default_branch": repo.default_branch if repo else None,
        "aliases": list(repo.aliases) if repo else [],
        "refs": [
            {"name": ref.name, "kind": ref.kind.value, "commit": ref.commit}
            for ref in (repo.refs if repo else ())
        ],
        "checkpoints": [render.checkpoint(row) for row in unit.checkpoints],
        "proofs": [render.standing(one) for one in known.standings[unit.source, unit.name]],
    }
