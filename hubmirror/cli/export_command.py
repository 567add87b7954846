"""``hubmirror export``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from hubmirror.carry.exporting import (
    SIGNATURE_ROOM_BYTES,
    Exported,
    ExportPlan,
    Order,
    check_present,
    export,
    plan_export,
)
from hubmirror.carry.known import Known, known_by_having, known_by_receipt, known_since
from hubmirror.carry.names import is_safe
from hubmirror.carry.planning import root_of
from hubmirror.carry.selecting import consign
from hubmirror.carry.signatures import sign
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.cli.progress import Progress
from hubmirror.errors import InvalidInputError
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.proofs import require_proved
from hubmirror.settings import Settings
from hubmirror.sizes import parse_size
from hubmirror.state import find_state, open_state

_DESCRIPTION = """\
Write a publication as the parts of a bundle, to be carried across an air gap.

The parts NAME.bundle-001.tar, -002.tar ... are plain tar files in the folder DEST, none larger
than a medium; in DEST are also SHA256SUMS, and transfer-list.csv, which says what is carried. Only
what the far side lacks is carried: --have says it best. Every byte is verified. Interrupted, on a
full disk or with the medium pulled out, the same command again keeps the parts that are complete.
"""
_EXAMPLES = """\
Examples:
  hubmirror export /media/usb
  hubmirror export /media/usb --have have.json --part-size dvd
  hubmirror export parts --since 9f86d081 --dry-run
"""
_SIZES = {"fat32": 4_294_966_784, "dvd": 4_700_000_000}


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("export", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "folder", metavar="DEST", help="The folder for the parts; made where it is missing."
    )
    base = made.add_mutually_exclusive_group()
    base.add_argument(
        "--have",
        metavar="FILE",
        help="What `hubmirror have` printed on the far side: only the rest is carried.",
    )
    base.add_argument(
        "--receipt",
        metavar="FILE",
        help="What `hubmirror receipt` printed there: only what its publication lacks is carried.",
    )
    base.add_argument(
        "--since",
        metavar="PUBLICATION",
        help="Take it that the far side has this publication; the first digits will do.",
    )
    made.add_argument(
        "--repos",
        metavar="GLOB",
        action="append",
        default=[],
        help="Carry only repos of such names, with what they were seen to need, such as "
        "'pytorch/*'; may be given several times.",
    )
    made.add_argument(
        "--part-size",
        metavar="SIZE",
        default="fat32",
        help="The largest part: fat32 (the default), dvd, or a size such as 700MB or 25GB.",
    )
    made.add_argument(
        "--require-proved",
        action="store_true",
        help="Refuse while an entrypoint that is declared is not proved; see docs/rehearsing.md.",
    )
    made.add_argument(
        "--name",
        metavar="NAME",
        default="",
        help="What the names of the parts begin with; else origin, sequence and bundle.",
    )
    made.add_argument(
        "--sign", metavar="KEY", help="Sign the bundle with this ssh key; see docs/carrying.md."
    )
    made.add_argument("--dry-run", action="store_true", help="Print the plan, and write nothing.")
    made.add_mirror()
    made.add_state()
    made.add_publication()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Write a bundle, or say what would be written."""
    settings = Settings.load(
        mirror=arguments.mirror, state=arguments.state, publication=arguments.publication
    )
    part_bytes = _part_bytes(arguments.part_size)
    label = _label(arguments.name)
    with Mirror.open(settings.require_mirror().absolute()) as mirror, ExitStack() as opened:
        asked = settings.publication
        digest = parse_publication(asked, mirror) if asked else mirror.current()[0]
        consignment = opened.enter_context(consign(mirror, digest, arguments.repos))
        if arguments.require_proved:
            require_proved(consignment.catalog, consignment.evidence)
        known = _known(arguments, mirror, settings)
        plan = plan_export(
            consignment,
            known,
            part_bytes=part_bytes,
            reserved_bytes=SIGNATURE_ROOM_BYTES if arguments.sign else 0,
            label=label,
        )
        check_present(consignment, plan, mirror)
        if arguments.dry_run or not plan.parts:
            return _show_plan(plan, arguments)
        key = arguments.sign and Path(arguments.sign).expanduser()
        order = Order(
            folder=Path(arguments.folder).expanduser().absolute(),
            known=known,
            sign=partial(sign, key=key, variables=settings.variables) if key else None,
            notify=render.note,
            watch=Progress().watch,
        )
        state = open_state(settings, mirror.root, mirror.id)
        return _show(export(plan, consignment, mirror, state, order), plan, arguments)


def _part_bytes(text: str) -> int:
    try:
        return _SIZES.get(text.lower()) or parse_size(text)
    except InvalidInputError:
        raise InvalidInputError(
            f"--part-size: expected fat32, dvd, or a size such as 700MB or 4GiB, got {text!r}"
        ) from None


def _label(text: str) -> str:
    if text and not is_safe(text):
        raise InvalidInputError(
            f"--name: {text!r} is no name for files on every medium",
            hint="lower-case letters, digits, dots, dashes and underscores, at most 48 of them",
        )
    return text


def _known(arguments: argparse.Namespace, mirror: Mirror, settings: Settings) -> Known:
    if arguments.have:
        return known_by_having(Path(arguments.have).expanduser())
    if arguments.receipt:
        path = Path(arguments.receipt).expanduser()
        state = find_state(settings, mirror.id)
        return known_by_receipt(mirror, path, repos=arguments.repos, state=state)
    if arguments.since:
        earlier = parse_publication(arguments.since, mirror)
        with consign(mirror, earlier, arguments.repos) as consignment:
            return known_since(consignment)
    return Known()


def _show_plan(plan: ExportPlan, arguments: argparse.Namespace) -> int:
    """Show what would be written; or that there is nothing to write."""
    if arguments.as_json:
        parts = [
            {"number": part.number, "size_bytes": part.size_bytes, "blobs": len(part.spans)}
            for part in plan.parts
        ]
        render.document({"dry_run": arguments.dry_run, "bundle": None, **_fields(plan, parts)})
        return 0
    if not plan.parts:
        render.say(f"nothing to carry: the far side has {_what(plan)} already")
        return 0
    count = render.count(len(plan.parts), "part")
    render.say(f"would write {count} to {arguments.folder}: {_amounts(plan)}")
    for part in plan.parts:
        blobs = render.count(len(part.spans), "blob")
        render.say(f"  part {part.number}: {render.size(part.size_bytes)}, {blobs}")
    return 0


def _show(done: Exported, plan: ExportPlan, arguments: argparse.Namespace) -> int:
    root = done.bundle.root
    if arguments.as_json:
        parts = [
            {
                "number": number,
                "size_bytes": part.size_bytes,
                "blobs": len(done.bundle.lists[number - 1].members),
                "path": str(part.path),
                "sha256": part.sha256.hex,
                "kept": part.is_kept,
            }
            for number, part in enumerate(done.parts, start=1)
        ]
        head = {"dry_run": False, "bundle": root.bundle.hex, "name": root.name}
        render.document({**head, **_fields(plan, parts)})
        return 0
    kept = sum(part.is_kept for part in done.parts)
    before = f" ({kept} there before)" if kept else ""
    count = render.count(len(done.parts), "part")
    render.say(f"bundle {root.name}, {count} in {arguments.folder}{before}: {_amounts(plan)}")
    return 0


def _amounts(plan: ExportPlan) -> str:
    root = root_of(plan.cargo, ())
    carried, required = root.carried, root.required
    text = (
        f"{_what(plan)}, {render.count(carried.count, 'blob')}, {render.size(carried.size_bytes)}"
    )
    if not required.count:
        return text
    there = f"{render.count(required.count, 'blob')} ({render.size(required.size_bytes)})"
    return f"{text}, on top of {there} that the far side has"


def _what(plan: ExportPlan) -> str:
    return f"sequence {plan.cargo.publication.sequence} ({plan.cargo.digest.hex[:12]})"


def _fields(plan: ExportPlan, parts: Sequence[Mapping[str, object]]) -> dict[str, object]:
    root = root_of(plan.cargo, ())
    base = root.base.publication
    return {
        "origin": root.origin,
        "sequence": root.sequence,
        "publication": root.publication.hex,
        "base": {"kind": root.base.kind.value, "publication": base.hex if base else None},
        "carries": {"blobs": root.carried.count, "size_bytes": root.carried.size_bytes},
        "requires": {"blobs": root.required.count, "size_bytes": root.required.size_bytes},
        "parts": parts,
    }
