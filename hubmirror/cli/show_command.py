"""``hubmirror show``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hubmirror.cli import options, render
from hubmirror.hubconf import Hubconf
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.proofs import Standing, standings
from hubmirror.records import BlobRef, CheckpointRow, WeightsKind
from hubmirror.resolve import Resolved, check_spec, resolve
from hubmirror.settings import Settings


@click.command(
    epilog="""\b
Examples:
  hubmirror show pytorch/vision
  hubmirror show pytorch/vision:v0.10.0
  hubmirror show pytorch/vision:v0.10.0 --json | jq -r '.entrypoints[].name'
"""
)
@click.argument("spec", metavar="OWNER/REPO[:REF]")
@options.mirror
@options.publication
@options.as_json
def command(spec: str, mirror: str | None, publication: str, *, as_json: bool) -> None:
    """Show one mirrored repo: refs, entrypoints with their docstrings, checkpoints.

    Without a REF it is the one that `hubmirror.load` would take: the default branch. What is
    shown was read at sync, from the source text; no code of the repo is run.
    """
    with Mirror.open(Settings.load(mirror=mirror).require_mirror()) as opened:
        wanted = parse_publication(publication, opened) if publication else None
        serving = opened.serving(wanted)
        found = resolve(serving.catalog, check_spec(spec))
        hubconf = Hubconf.decode(opened.blobs.read(found.snapshot.about))
        marked = opened.quarantine(serving).among(_blobs(found))
        evidence = opened.evidence(serving.publication)
        proofs = standings(serving.catalog, evidence, [found.unit])
    if as_json:
        fields = _fields(found, hubconf) | {"quarantined": render.quarantined(marked)}
        fields["proofs"] = [render.standing(one) for one in proofs]
        render.document({"publication": serving.digest.hex, **fields})
    else:
        _show(found, hubconf, proofs)
        for row in marked:
            render.say(f"\nquarantined since {row.at}: {row.reason} (sha256 {row.digest})")


def _blobs(found: Resolved) -> frozenset[BlobRef]:
    """Return what a load of this ref may read."""
    return found.snapshot.blobs() | {row.blob for row in found.unit.checkpoints}


def _show(found: Resolved, hubconf: Hubconf, proofs: Sequence[Standing]) -> None:
    _show_repo(found)
    if proofs:
        render.say("\nmust load:")
        render.table(
            ("CALL", "REF", "STATE"), [(one.call, one.ref or "-", str(one)) for one in proofs]
        )
        for one in proofs:
            if one.proof and one.proof.reason:
                render.say(f"  {one.title}: {one.proof.reason}")
    render.say("\nentrypoints:")
    for entrypoint in hubconf.entrypoints:
        render.say(f"  {entrypoint.name}{entrypoint.signature}")
        if summary := entrypoint.doc.strip().partition("\n")[0]:
            render.say(f"      {summary}")
    if hubconf.open_ended:
        render.say("  (hubconf.py may build more when it is run)")
    if found.unit.checkpoints:
        render.say("\ncheckpoints:")
        for row in found.unit.checkpoints:
            _show_checkpoint(row)


def _show_checkpoint(row: CheckpointRow) -> None:
    contents = row.contents
    kind = "" if contents.kind is WeightsKind.UNKNOWN else f", {contents.kind}"
    render.say(f"  {row.url}\n      {row.digest} ({render.size(row.size_bytes)}{kind})")
    if contents.globals:
        render.say(f"      names {', '.join(contents.globals)}")


def _show_repo(found: Resolved) -> None:
    unit, repo, snapshot = found.unit, found.repo, found.snapshot
    render.say(f"{repo.title}:{found.ref.name} ({found.ref.kind})")
    for name, value in (
        ("commit", found.ref.commit),
        ("from", repo.url),
        ("state", f"{unit.state}{f': {unit.reason}' if unit.reason else ''}"),
        ("source", unit.source),
        ("snapshot", f"{snapshot.digest} ({render.size(snapshot.size_bytes)})"),
        ("default branch", repo.default_branch),
        ("refs", ", ".join(ref.name for ref in repo.refs)),
        ("aliases", ", ".join(repo.aliases)),
        ("needs", ", ".join(snapshot.dependencies)),
        ("needs torch", snapshot.requires_torch and f"{snapshot.requires_torch} or newer"),
    ):
        if value:
            render.say(f"  {name + ':':15} {value}")


def _fields(found: Resolved, hubconf: Hubconf) -> dict[str, object]:
    unit, repo, snapshot = found.unit, found.repo, found.snapshot
    return {
        "repo": repo.title,
        "ref": {"name": found.ref.name, "kind": found.ref.kind.value, "commit": found.ref.commit},
        "url": repo.url,
        "source": unit.source,
        "state": unit.state.value,
        "reason": unit.reason,
        "default_branch": repo.default_branch,
        "aliases": list(repo.aliases),
        "refs": [
            {"name": ref.name, "kind": ref.kind.value, "commit": ref.commit} for ref in repo.refs
        ],
        "snapshot": {"sha256": snapshot.digest.hex, "size_bytes": snapshot.size_bytes},
        "dependencies": list(snapshot.dependencies),
        "requires_torch": snapshot.requires_torch,
        "requires_python": hubconf.requires_python,
        "wanted": list(unit.wanted),
        "open_ended": hubconf.open_ended,
        "entrypoints": [
            {"name": one.name, "signature": one.signature, "doc": one.doc, "file": one.file}
            for one in hubconf.entrypoints
        ],
        "checkpoints": [render.checkpoint(row) for row in unit.checkpoints],
    }
