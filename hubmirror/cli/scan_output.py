"""What ``scan`` prints: tables, one JSON document, or a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hubmirror.cli import render
from hubmirror.manifest.editing import EMPTY
from hubmirror.scanning import Confidence, Finding, Kind, Scan
from hubmirror.scanning.adding import suggested
from hubmirror.scanning.suggesting import suggest, usual_calls

_MOST_NAMED = 3
_TITLES = {
    Kind.URL: "weights and other files",
    Kind.REPO: "nested repos",
    Kind.HUGGING_FACE: "Hugging Face",
    Kind.PACKAGE: "weights of other packages",
    Kind.COMMAND: "commands that fetch",
    Kind.CONFIG: "configs that code reads",
    Kind.SUBMODULE: "submodules",
    Kind.LFS: "Git LFS",
    Kind.UNREAD: "not read",
}


# For people


def show(scan: Scan, text: str) -> None:
    """Print what was found as tables, under what was asked for."""
    render.say(text)
    _show_head(scan)
    _show_entrypoints(scan)
    for kind, title in _TITLES.items():
        findings = [one for one in scan.findings if one.kind is kind and not one.is_aside]
        if findings:
            render.say(f"\n{title}:")
            head = ("  SURE", "WHAT", "WHERE", "ENTRYPOINTS")
            render.table(head, (_row(one) for one in findings))
    _show_aside([one for one in scan.findings if one.is_aside])
    _note_next(scan)
    if scan.is_bounded:
        render.note("the repo is larger than a scan goes through: there may be more")


def _show_head(scan: Scan) -> None:
    hubconf = scan.hubconf
    licence = f"{scan.licence} ({scan.licence_file})" if scan.licence_file else "no licence file"
    for label, value in (
        ("commit", scan.commit),
        ("default branch", scan.default_branch),
        ("licence", licence),
        ("dependencies", ", ".join(hubconf.dependencies) if hubconf else ""),
        ("needs Python", hubconf.requires_python if hubconf else ""),
        (
            "needs torch",
            hubconf and hubconf.requires_torch and f"{hubconf.requires_torch} or newer",
        ),
        ("requirements", ", ".join(scan.requirements)),
    ):
        if value:
            render.say(f"  {label + ':':15} {value}")


def _show_entrypoints(scan: Scan) -> None:
    if scan.hubconf is None:
        return
    render.say("\nentrypoints:")
    for one in scan.hubconf.entrypoints:
        render.say(f"  {one.name}{one.signature}  {one.file}:{one.line}")
        if summary := one.doc.strip().partition("\n")[0]:
            render.say(f"      {summary}")
    if scan.hubconf.open_ended:
        render.say("  (hubconf.py may build more when it is run)")


def _show_aside(findings: Sequence[Finding]) -> None:
    """Fold what demos, training code and vendored packages name: an entrypoint needs none of it."""
    if findings:
        files = render.count(len({one.place.file for one in findings}), "file")
        render.say(
            f"\nand {len(findings)} in {files} that hubconf.py does not lead to (see --json)"
        )


def _note_next(scan: Scan) -> None:
    shown = [one for one in scan.findings if not one.is_aside]
    if any(one.confidence is Confidence.POSSIBLE for one in shown):
        render.note("what is `possible` only a run of the code tells: `hubmirror trace` runs it")
    if scan.title and shown:
        spec = f"{scan.title}:{scan.ref}" if scan.ref else scan.title
        render.note(f"to mirror it: `hubmirror add {spec} --to manifest.yaml`")


def _row(finding: Finding) -> tuple[str, str, str, str]:
    names = finding.entrypoints
    shown = ", ".join(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        shown += f" and {len(names) - _MOST_NAMED} more"
    what = finding.subject
    if finding.kind in (Kind.UNREAD, Kind.LFS):
        what = f"{finding.subject}: {finding.how}"
    return f"  {finding.confidence}", what, str(finding.place), shown


# For programs


def show_document(scan: Scan) -> None:
    """Print what was found as one JSON document."""
    hubconf = scan.hubconf
    render.document(
        {
            "repo": scan.title,
            "url": scan.url,
            "ref": scan.ref,
            "commit": scan.commit,
            "default_branch": scan.default_branch,
            "licence": scan.licence,
            "licence_file": scan.licence_file,
            "dependencies": list(hubconf.dependencies) if hubconf else [],
            "requires_python": hubconf.requires_python if hubconf else "",
            "requires_torch": hubconf.requires_torch if hubconf else "",
            "requirements": list(scan.requirements),
            "open_ended": hubconf.open_ended if hubconf else True,
            "bounded": scan.is_bounded,
            "entrypoints": list(_entrypoints(scan)),
            "findings": [_finding(one) for one in scan.findings],
        }
    )


def _entrypoints(scan: Scan) -> Iterator[dict[str, object]]:
    for one in scan.hubconf.entrypoints if scan.hubconf else ():
        summary = one.doc.strip().partition("\n")[0]
        fields = {"name": one.name, "signature": one.signature, "summary": summary}
        yield {**fields, "file": one.file, "line": one.line}


def _finding(one: Finding) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "subject": one.subject,
        "confidence": one.confidence.value,
        "how": one.how,
        "file": one.place.file,
        "line": one.place.line,
        "entrypoints": list(one.entrypoints),
        "calls": [str(call) for call in one.calls],
        "aside": one.is_aside,
    }


# For pasting


def show_manifest(scan: Scan, text: str) -> None:
    """Print a manifest of what was found, with a comment where each line comes from."""
    suggestion = suggest(scan, scan.title or _placeholder(text), scan.url, usual_calls(scan))
    manifest = suggested(EMPTY, suggestion, "manifest.yaml", scan.default_branch)
    render.say(manifest.rstrip("\n"))
    if suggestion.rest:
        render.say("\n# Needed as well, and more than a URL can say:")
        for line in suggestion.rest:
            render.say(f"#   {line}")


def _placeholder(text: str) -> str:
    """Name the repo in a folder, whose name on its host is not known."""
    name = re.sub(r"[^\w.-]", "-", Path(text).resolve().name).strip(".-") or "REPO"
    return f"OWNER/{name}"
