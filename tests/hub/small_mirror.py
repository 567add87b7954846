"""Builds small real mirrors out of dicts, with the project's own pieces and no sync.

publish(root, [SmallRepo("acme/nets", {"main": {"hubconf.py": "..."}})])
"""

from __future__ import annotations

import ast
import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from hubmirror import files
from hubmirror.catalog.writer import content_digest, write_catalog
from hubmirror.inspection import inspect_file
from hubmirror.mirror import Mirror
from hubmirror.publications import Counts, Publication
from hubmirror.records import (
    BlobRef,
    CheckpointRow,
    Digest,
    Holdings,
    RefKind,
    RefRow,
    RepoKey,
    RepoRow,
    SnapshotRow,
    Source,
    Unit,
    UnitState,
)

MODES = files.Modes()


@dataclass(frozen=True)
class Link:
    """A symlink in a tree."""

    target: str


Tree = Mapping[str, str | bytes | Link | None]
"""A repo's files by name; None is an empty folder. ``bin/*`` gets the executable bit."""


@dataclass(frozen=True)
class SmallRepo:
    """A repo to mirror: its trees by branch, or by ``refs/tags/NAME``, and its weights by URL."""

    title: str
    trees: Mapping[str, Tree]
    weights: Mapping[str, bytes] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    default_branch: str = "main"
    requires_torch: str = ""
    state: UnitState = UnitState.COMPLETE
    reason: str = ""


def weights(value: float) -> bytes:
    """Return a state dict, saved, that tells by its only number which one it is."""
    buffer = io.BytesIO()
    torch.save({"value": torch.tensor(value)}, buffer)
    return buffer.getvalue()


def tar_of(tree: Tree) -> bytes:
    """Return a snapshot as sync would write it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(tree.items()):
            member = tarfile.TarInfo(name)
            member.mode = 0o755 if content is None or name.startswith("bin/") else 0o644
            body = b""
            match content:
                case None:
                    member.type = tarfile.DIRTYPE
                case Link(target):
                    member.type, member.linkname = tarfile.SYMTYPE, target
                case str() | bytes():
                    body = content.encode() if isinstance(content, str) else content
                    member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def publish(
    root: Path,
    repos: Iterable[SmallRepo] = (),
    loose: Mapping[str, bytes] | None = None,
) -> Digest:
    """Make a mirror, or the next publication of one, that holds exactly this."""
    mirror = Mirror.create(root, MODES)
    units = [_unit(mirror, repo) for repo in repos]
    for url, content in (loose or {}).items():
        row = _checkpoint(mirror, url, content)
        units.append(Unit("small", url, UnitState.COMPLETE, "", None, (row,)))
    holdings = Holdings((Source("small", ""),), tuple(units))
    with files.staged(mirror.incoming) as (_, path):
        write_catalog(path, holdings)
        catalog = _add(mirror, path.read_bytes())
    previous = mirror.publications.current()
    sequence = mirror.publications.read(previous).sequence + 1 if previous else 1
    digest = mirror.publications.add(
        Publication(
            origin=mirror.id,
            sequence=sequence,
            previous=previous,
            catalog=catalog,
            content_digest=content_digest(holdings),
            created_at="2026-01-01T00:00:00+00:00",
            tool="tests",
            counts=Counts(len(units), len(units), 0, 0),
        ),
        MODES,
    )
    mirror.publications.make_current(digest, sequence, MODES)
    return digest


def blob_of(root: Path, content: bytes) -> Path:
    """Return where a mirror keeps these bytes."""
    return Mirror.open(root).blobs.path(Digest.of(content))


def _unit(mirror: Mirror, repo: SmallRepo) -> Unit:
    refs, snapshots = [], {}
    for ref, tree in repo.trees.items():
        snapshot = _snapshot(mirror, repo, tree)
        snapshots[snapshot.commit] = snapshot
        kind = RefKind.TAG if ref.startswith("refs/tags/") else RefKind.BRANCH
        refs.append(RefRow(ref.removeprefix("refs/tags/"), kind, snapshot.commit))
    row = RepoRow(
        title=repo.title,
        key=RepoKey.parse(repo.title),
        url=f"https://github.com/{repo.title}",
        default_branch=repo.default_branch,
        aliases=repo.aliases,
        refs=tuple(refs),
        snapshots=tuple(snapshots.values()),
    )
    rows = tuple(_checkpoint(mirror, url, content) for url, content in repo.weights.items())
    return Unit("small", str(row.key), repo.state, repo.reason, row, rows)


def _snapshot(mirror: Mirror, repo: SmallRepo, tree: Tree) -> SnapshotRow:
    content = tar_of(tree)
    blob, about = _add(mirror, content), _add(mirror, b"{}")
    hubconf = tree.get("hubconf.py", "")
    names, dependencies = _read(hubconf if isinstance(hubconf, str) else "")
    return SnapshotRow(
        commit=hashlib.sha1(repo.title.encode() + content).hexdigest(),
        digest=blob.digest,
        size_bytes=blob.size_bytes,
        entrypoints=names,
        open_ended=False,
        dependencies=dependencies,
        requires_torch=repo.requires_torch,
        about=about.digest,
        about_size_bytes=about.size_bytes,
    )


def _read(hubconf: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: list[str] = []
    dependencies: tuple[str, ...] = ()
    for node in ast.parse(hubconf).body:
        match node:
            case ast.FunctionDef(name=name):
                names.append(name)
            case ast.Assign(targets=[ast.Name(id="dependencies")], value=value):
                dependencies = tuple(ast.literal_eval(value))
            case _:
                pass
    return tuple(names), dependencies


def _checkpoint(mirror: Mirror, url: str, content: bytes) -> CheckpointRow:
    blob = _add(mirror, content)
    contents = inspect_file(mirror.blobs.path(blob.digest))
    return CheckpointRow(url, blob.digest, blob.size_bytes, contents=contents)


def _add(mirror: Mirror, content: bytes) -> BlobRef:
    blob = BlobRef(Digest.of(content), len(content))
    if not mirror.blobs.has(blob):
        with files.staged(mirror.incoming) as (stream, path):
            stream.write(content)
            stream.flush()
            mirror.blobs.add(path, blob.digest, MODES)
    return blob
