"""Brings a manifest up to what a scan found, or shows how it would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubmirror.manifest.editing import EMPTY, add_repo, edit_manifest
from hubmirror.manifest.entrypoints import Call
from hubmirror.manifest.reading import decode_content, read_content
from hubmirror.scanning.findings import Scan
from hubmirror.scanning.suggesting import Suggestion, nested_spec, suggest


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a manifest, or would.

    Attributes:
        before: Its text; empty for one that does not exist yet.
        after: Its text with what was added; the same where it lacked nothing.
    """

    suggestion: Suggestion
    before: str
    after: str


def add(scan: Scan, calls: Sequence[Call], manifest: Path, *, dry_run: bool) -> Added:
    """Add what a repo needs, for these calls or for all of it, to a manifest.

    Raises:
        InvalidInputError: when the manifest has faults or contradicts it, or the repo has no
            such entrypoint; nothing is changed then.
        OSError: when the manifest cannot be read or written.
    """
    suggestion = suggest(scan, scan.title, scan.url, calls)
    before = _text(manifest)
    after = suggested(before or EMPTY, suggestion, str(manifest), scan.default_branch)
    if not dry_run:
        edit_manifest(
            manifest,
            lambda text: suggested(text, suggestion, str(manifest), scan.default_branch),
        )
    return Added(suggestion, before, after)


def suggested(text: str, suggestion: Suggestion, file: str, default_branch: str) -> str:
    """Return a manifest's text with a repo, and the repos that its code loads."""
    text = add_repo(
        text,
        suggestion.spec,
        file=file,
        default_branch=default_branch,
        remarks=suggestion.remarks,
    )
    for name, remark in suggestion.nested.items():
        spec = nested_spec(name)
        text = add_repo(text, spec, file=file, remarks={spec.title: remark})
    return text


def _text(manifest: Path) -> str:
    if not manifest.exists():
        return ""
    return decode_content(read_content(manifest), str(manifest))
