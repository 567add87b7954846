"""``hubmirror import``."""

from __future__ import annotations

import argparse
from pathlib import Path

from hubmirror.carry.importing import ImportOptions, import_bundles
from hubmirror.carry.names import part_name
from hubmirror.carry.offers import PartFault
from hubmirror.carry.outcome import BundleReport, ImportReport, Outcome
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.cli.progress import Progress
from hubmirror.naming import shorten
from hubmirror.settings import Settings
from hubmirror.writer import Turn

_DESCRIPTION = """\
Take the parts of a bundle into a mirror, and publish what they carry once all of it is there.

Each PART is a file that `hubmirror export` wrote, or a folder of them, such as a medium; in any
order, as the media arrive. Everything is verified before it is believed, and what has arrived
stays: run it again with the parts that are missing, or that were damaged and burned again.
Readers see the old publication until the new one is whole. A missing mirror is made.

Exit codes: 3 where parts, or blobs that the bundle relies on, are missing; 4 where a part is
damaged; 6 where it is refused: older than what is there, a fork, of another origin, on hold.
"""
_EXAMPLES = """\
Examples:
  hubmirror import /media/cdrom --mirror /srv/hubmirror
  hubmirror import 5f0c2a9e-000012-83a1c0de.bundle-002.tar
  hubmirror import /media/usb --check
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("import", _DESCRIPTION, _EXAMPLES)
    made.add_argument(
        "parts",
        metavar="PART",
        nargs="+",
        help="A part of a bundle, or a folder that holds some.",
    )
    made.add_argument(
        "--check",
        action="store_true",
        help="Read every part fully, say all that would go wrong, and change nothing.",
    )
    made.add_argument(
        "--allow-rollback",
        action="store_true",
        help="Take a bundle that is older than what the mirror has.",
    )
    made.add_argument(
        "--signatures",
        metavar="POLICY",
        help="What to make of a bundle that no allowed signer signed: off, warn or require; else "
        "HUBMIRROR_SIGNATURES, else `signatures:` in the settings.",
    )
    made.add_argument(
        "--allowed-signers",
        metavar="FILE",
        help="Who may sign bundles, in the format of ssh's allowed_signers; else "
        "HUBMIRROR_ALLOWED_SIGNERS, else `allowed_signers:` in the settings.",
    )
    made.add_writer()
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Import, and say what became of it."""
    settings = Settings.load(
        mirror=arguments.mirror,
        state=arguments.state,
        signatures=arguments.signatures,
        allowed_signers=arguments.allowed_signers,
    )
    options = ImportOptions(
        allow_rollback=arguments.allow_rollback,
        check=arguments.check,
        turn=Turn("import", arguments.wait, arguments.take_over),
        notify=render.note,
        watch=Progress().watch,
    )
    report = import_bundles([Path(text) for text in arguments.parts], settings, options)
    if arguments.as_json:
        _note(report)
        render.document(_fields(report))
    else:
        _note(report)
        for bundle in report.bundles:
            render.say(_summary(bundle, is_check=report.is_check))
    return report.exit_code()


def _note(report: ImportReport) -> None:
    """Say on stderr what a person must do something about."""
    if report.ignored:
        names = shorten([path.name for path in report.ignored])
        render.note(f"passed over, no parts of bundles: {names}")
    for fault in report.faults:
        _note_fault(fault)
    for message, hint in report.refused:
        render.say_error(message, hint)
    for bundle in report.bundles:
        for warning in bundle.warnings:
            render.note(f"warning: {warning}")
        for fault in bundle.faults:
            _note_fault(fault, bundle)
        if bundle.reason and bundle.outcome is not Outcome.PASSED_OVER:
            render.say_error(bundle.reason, bundle.hint)
        _note_missing(bundle)


def _note_fault(fault: PartFault, bundle: BundleReport | None = None) -> None:
    render.note(f"damaged: {fault.message}")
    if fault.more:
        render.note(f"  and {render.count(fault.more, 'further fault')} in this file")
    if bundle and fault.number:
        name = part_name(bundle.root.name, fault.number)
        render.note(f"  write part {fault.number} to its medium again: {name}; what was good stays")
    else:
        render.note("  write this file to its medium again, and import it")


def _note_missing(bundle: BundleReport) -> None:
    missing = bundle.missing()
    damaged = {fault.number for fault in bundle.faults}
    absent = [number for number in missing if number not in damaged]
    if absent:
        parts = render.count(len(absent), "part")
        render.note(f"{parts} of {len(bundle.root.parts)} still missing:")
        render.note(f"  {shorten([part_name(bundle.root.name, number) for number in absent])}")
    if bundle.lacking.count:
        _note_lacking(bundle)


def _note_lacking(bundle: BundleReport) -> None:
    lacking, base = bundle.lacking, bundle.root.base.publication
    made_for = f" that has publication {base.hex[:12]}" if base else ""
    blobs = render.count(lacking.count, "blob")
    render.note(
        f"this bundle was made for a mirror{made_for}: {blobs} ({render.size(lacking.size_bytes)}) "
        "that it relies on missing here"
    )
    render.note(f"  first: {', '.join(blob.digest.hex for blob in lacking.first)}")
    render.note(
        "  `hubmirror have` here, then `hubmirror export --have FILE` there; what came stays"
    )


def _summary(bundle: BundleReport, *, is_check: bool) -> str:
    root = bundle.root
    what = f"sequence {root.sequence} ({root.publication.hex[:12]})"
    amount = f"{render.count(bundle.count, 'new blob')} ({render.size(bundle.size_bytes)})"
    arrived = f"{len(bundle.arrived)} of {render.count(len(root.parts), 'part')}"
    match bundle.outcome:
        case Outcome.PUBLISHED:
            done = "all is well: an import would publish" if is_check else "published"
            return f"{done} {what}: {amount} from {render.count(len(root.parts), 'part')}"
        case Outcome.UNCHANGED:
            return f"nothing to do: the mirror publishes {what} already"
        case Outcome.PASSED_OVER:
            return f"passed over {what}: {bundle.reason}"
        case Outcome.INCOMPLETE | Outcome.DAMAGED:
            state = "would be" if is_check else "are"
            return f"not published: {arrived} of {what} {state} here, {amount}"
        case Outcome.REFUSED | Outcome.NO_ROOM:
            return f"not published: {what}"


def _fields(report: ImportReport) -> dict[str, object]:
    code = report.exit_code()
    return {
        "outcome": code.name.lower(),
        "exit_code": int(code),
        "check": report.is_check,
        "bundles": [_bundle_fields(bundle) for bundle in report.bundles],
        "faults": [_fault_fields(fault) for fault in report.faults],
        "refused": [message for message, _ in report.refused],
        "ignored": [str(path) for path in report.ignored],
    }


def _bundle_fields(bundle: BundleReport) -> dict[str, object]:
    root, lacking = bundle.root, bundle.lacking
    return {
        "bundle": root.bundle.hex,
        "name": root.name,
        "outcome": bundle.outcome.value,
        "origin": root.origin,
        "sequence": root.sequence,
        "publication": root.publication.hex,
        "parts": len(root.parts),
        "arrived": sorted(bundle.arrived),
        "missing": list(bundle.missing()),
        "blobs": bundle.count,
        "size_bytes": bundle.size_bytes,
        "faults": [_fault_fields(fault) for fault in bundle.faults],
        "lacking": {
            "blobs": lacking.count,
            "size_bytes": lacking.size_bytes,
            "first": [blob.digest.hex for blob in lacking.first],
        },
        "reason": bundle.reason or None,
        "hint": bundle.hint or None,
        "signer": bundle.signer or None,
        "warnings": list(bundle.warnings),
    }


def _fault_fields(fault: PartFault) -> dict[str, object]:
    return {
        "file": str(fault.file),
        "part": fault.number or None,
        "message": fault.message,
        "more": fault.more,
    }
