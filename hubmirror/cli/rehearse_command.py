"""``hubmirror rehearse``."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import InvalidInputError, StorageError
from hubmirror.proofs import State
from hubmirror.rehearsing import Options, Outcome, RehearsalReport, describe, rehearse
from hubmirror.settings import Settings

_DESCRIPTION = """\
Load every declared entrypoint from the mirror alone, and record the proofs.

Each is loaded in a process of its own, with an empty home and the network refused. One that asks
for what is not mirrored has failed, also where its code goes on without. What is proved with this
torch already is not loaded again while nothing that it relied on has changed. Needs torch.
"""
_EXAMPLES = """\
Examples:
  hubmirror rehearse
  hubmirror rehearse manifest.yaml --jobs 4
  hubmirror rehearse --in-namespace --json | jq -r '.entrypoints[] | select(.state != "proved")'
"""
_NAME = re.compile(r"""^name:\s*(["']?)([^"'#\s]+)\1\s*(#.*)?$""", re.MULTILINE)
_LAST_LINES = 15


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("rehearse", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "manifest",
        nargs="?",
        metavar="MANIFEST",
        type=Path,
        help="Rehearse what this manifest declares only; else all of the publication.",
    )
    made.add_mirror()
    made.add_publication()
    made.add_argument(
        "--state", metavar="DIR", help="The writer's own folder, as `hubmirror sync` has it."
    )
    made.add_argument(
        "--jobs", metavar="N", type=_number, default=2, help="How many are loaded at once: 2."
    )
    made.add_argument(
        "--timeout",
        metavar="S",
        type=_number,
        default=600,
        help="Seconds after which one has failed: 600.",
    )
    made.add_argument(
        "--in-namespace",
        action="store_true",
        help="Without any network, and with all else mounted read-only, by namespaces of Linux.",
    )
    made.add_argument(
        "--again", action="store_true", help="Load what is proved with this torch once more."
    )
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print how every entrypoint stands; 3 where one is not proved."""
    settings = Settings.load(
        mirror=arguments.mirror, publication=arguments.publication, state=arguments.state
    )
    options = Options(
        jobs=arguments.jobs,
        timeout_s=arguments.timeout,
        in_namespace=arguments.in_namespace,
        again=arguments.again,
        notify=render.note,
    )
    source = _source(arguments.manifest) if arguments.manifest else ""
    report = rehearse(settings, options, source)
    if arguments.as_json:
        render.document(_fields(report))
    else:
        _show(report)
    return report.exit_code()


def _number(text: str) -> int:
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")


def _source(manifest: Path) -> str:
    """Return the name of a manifest's source; the offline node has no parser for the rest."""
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{manifest}: not UTF-8 text") from error
    except OSError as error:
        raise StorageError(f"{manifest}: cannot be read: {error.strerror}") from error
    try:
        fields = json.loads(text)
    except ValueError:
        found = _NAME.search(text)
        return found[2] if found else manifest.stem
    name = fields.get("name") if isinstance(fields, dict) else None
    return name if isinstance(name, str) else manifest.stem


def _show(report: RehearsalReport) -> None:
    for one in report.outcomes:
        for line in describe(one):
            render.say(line)
        if one.ruling.state is State.FAILED and not one.ruling.missed:
            for line in one.output.splitlines()[-_LAST_LINES:]:
                render.say(f"    | {line}")
    counts = ", ".join(f"{number} {state}" for state in State if (number := report.count(state)))
    render.say(f"{render.count(len(report.outcomes), 'entrypoint')}: {counts or 'none declared'}")
    held = sorted({one.protections for one in report.outcomes if one.protections})
    for protections in held:
        render.note(f"held by the kernel: {protections}")
    if report.unrecorded:
        render.note(f"the proofs were not recorded: {report.unrecorded}")
    if report.recorded and report.recorded != report.publication:
        render.note(f"recorded in publication {report.recorded.hex[:12]}")


def _fields(report: RehearsalReport) -> dict[str, object]:
    code = report.exit_code()
    return {
        "outcome": code.name.lower(),
        "exit_code": int(code),
        "publication": report.publication.hex,
        "torch": report.torch,
        "recorded": report.recorded.hex if report.recorded else None,
        "unrecorded": report.unrecorded or None,
        "entrypoints": [_outcome_fields(one) for one in report.outcomes],
    }


def _outcome_fields(one: Outcome) -> dict[str, object]:
    unit, proof = one.standing.unit, one.standing.proof
    return {
        "source": unit.source,
        "repo": unit.repo.title if unit.repo else unit.name,
        "ref": one.standing.ref,
        "call": one.standing.call,
        "state": one.ruling.state.value,
        "skipped": one.skipped,
        "reason": one.ruling.reason,
        "hint": one.ruling.hint,
        "result": proof.result if proof else None,
        "relied": list(proof.relied) if proof else [],
        "missed": [
            {
                "wanted": miss.wanted,
                "message": miss.message,
                "hint": miss.hint,
                "place": miss.place,
            }
            for miss in one.ruling.missed
        ],
        "output": one.output,
        "protections": one.protections,
    }
