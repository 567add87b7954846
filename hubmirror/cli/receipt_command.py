"""``hubmirror receipt``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from hubmirror.carry.answering import take_receipt
from hubmirror.carry.receipts import Receipt, Tally
from hubmirror.cli import render
from hubmirror.cli.node import Parser
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.settings import Settings

_DESCRIPTION = """\
Verify what readers see, and print a receipt for the side that makes bundles.

The receipt is text of less than a kilobyte that can be mailed, typed or read aloud: which mirror
this is, the publication that it serves, and how many of its blobs are missing or extra. On the
other side, `hubmirror bundles acknowledge FILE` takes it. Each blob must be there with its size;
with --hash its bytes are read, too. Missing or damaged ones end with exit code 4.
"""
_EXAMPLES = """\
Examples:
  hubmirror receipt > receipt.txt
  hubmirror receipt --mirror /mnt/hubmirror --hash --full
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command's words."""
    made = Parser("receipt", _DESCRIPTION, _EXAMPLES)
    made.add_mirror()
    made.add_argument(
        "--hash", dest="is_hashed", action="store_true", help="Hash the bytes of every blob."
    )
    made.add_argument(
        "--full",
        dest="is_full",
        action="store_true",
        help="List all missing and all extra blobs, 75 bytes each.",
    )
    made.add_json()
    return made


def run(arguments: argparse.Namespace) -> int:
    """Print a receipt; 4 when something is missing."""
    settings = Settings.load(mirror=arguments.mirror)
    with Mirror.open(settings.require_mirror()) as mirror:
        receipt = take_receipt(
            mirror,
            now=datetime.now(UTC),
            is_full=arguments.is_full,
            is_hashed=arguments.is_hashed,
            jobs=settings.jobs,
        )
        for digest in receipt.missing.digests:
            needed_by = ", ".join(mirror.catalog(receipt.publication).needing(digest))
            render.note(f"missing or damaged: {digest}{f' ({needed_by})' if needed_by else ''}")
    if arguments.as_json:
        render.document(_fields(receipt))
    else:
        render.say(receipt.encode().rstrip("\n"))
    return ExitCode.VERIFICATION if receipt.missing.count else ExitCode.OK


def _fields(receipt: Receipt) -> dict[str, object]:
    return {
        "mirror": receipt.mirror,
        "origin": receipt.origin,
        "sequence": receipt.sequence,
        "publication": receipt.publication.hex,
        "verified_at": receipt.verified_at,
        "verified_by": receipt.verified_by.value,
        "blobs": receipt.blobs,
        "size_bytes": receipt.size_bytes,
        "missing": _tally_fields(receipt.missing),
        "extra": _tally_fields(receipt.extra),
        "text": receipt.encode(),
    }


def _tally_fields(tally: Tally) -> dict[str, object]:
    return {"count": tally.count, "digests": [digest.hex for digest in tally.digests]}
