"""Makes a publication of what the index holds, and lets readers see it.

The last steps of every writer, in the one order that survives a kill at any instant: blobs
are durable already; then the catalog, then the publication, then ``current.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from hubmirror import files
from hubmirror.blobs import hash_file
from hubmirror.catalog.writer import content_digest, write_catalog
from hubmirror.errors import RefusedError, VerificationError
from hubmirror.evidence import Evidence
from hubmirror.mirror import Mirror, Serving
from hubmirror.publications import Counts, Publication
from hubmirror.records import BlobRef, Digest, Holdings, RefKind, RepoKey, Unit
from hubmirror.version import __version__


@dataclass(frozen=True, slots=True)
class Published:
    """A publication that readers see since now."""

    digest: Digest
    publication: Publication


def refuse_contradictions(holdings: Holdings) -> None:
    """Refuse what no reader could answer in one way.

    Raises:
        RefusedError: naming both sources, and both commits, digests or addresses.
    """
    if found := _contradictions(holdings):
        raise RefusedError(
            "two sources contradict each other:\n" + "\n".join(f"  {line}" for line in found),
            hint="sync both manifests in one run, or pin the same commit or sha256 in both",
        )


def _contradictions(holdings: Holdings) -> tuple[str, ...]:
    """Name each ref and URL to which two sources give different commits or bytes."""
    found: list[str] = []
    urls: dict[str, tuple[str, Digest]] = {}
    refs: dict[tuple[RepoKey, RefKind, str], tuple[str, str]] = {}
    origins: dict[RepoKey, tuple[str, str]] = {}
    for unit in holdings.units:
        for row in unit.checkpoints:
            other, digest = urls.setdefault(row.url, (unit.source, row.digest))
            if digest != row.digest:
                found.append(
                    f"{row.url}: sha256 {digest} in source {other!r}, "
                    f"{row.digest} in source {unit.source!r}"
                )
        if not unit.repo:
            continue
        for key in sorted(unit.repo.names()):
            other, url = origins.setdefault(key, (unit.source, unit.repo.url))
            if url != unit.repo.url:
                found.append(
                    f"{key}: from {url} in source {other!r}, "
                    f"from {unit.repo.url} in source {unit.source!r}"
                )
        for ref in unit.repo.refs:
            name = (unit.repo.key, ref.kind, ref.name)
            other, commit = refs.setdefault(name, (unit.source, ref.commit))
            if commit != ref.commit:
                found.append(
                    f"{unit.repo.title}:{ref.name}: commit {commit} in source {other!r}, "
                    f"{ref.commit} in source {unit.source!r}"
                )
    return (*found, *_two_snapshots(holdings))


def _two_snapshots(holdings: Holdings) -> Iterator[str]:
    """Name each commit that two sources have as different bytes."""
    tars: dict[tuple[str, str], tuple[str, Digest]] = {}
    for unit in holdings.units:
        for row in unit.repo.snapshots if unit.repo else ():
            key = (unit.name, row.commit)
            other, digest = tars.setdefault(key, (unit.source, row.digest))
            if digest != row.digest:
                yield (
                    f"{unit.name} at {row.commit}: sources {other!r} and {unit.source!r} "
                    "differ in `submodules:` or `lfs:`"
                )


def publish(
    mirror: Mirror, holdings: Holdings, modes: files.Modes, evidence: Evidence | None = None
) -> Published | None:
    """Publish these holdings, or do nothing where readers see just that already.

    ``evidence`` is what is known of them now; None goes on with what was known before.

    Raises:
        VerificationError: when a blob that they name is missing; nothing changed then.
        RefusedError: when publishing is on hold, and the content is another one.
    """
    content = content_digest(holdings)
    previous = mirror.find_serving()
    known = _known(mirror, previous)
    evidence = known if evidence is None else evidence
    same = previous if previous and previous.publication.content_digest == content else None
    if same and same.is_current and evidence == known:
        return None
    is_news = not (same and same.is_current)  # what is known may change on hold as well
    if is_news and mirror.publications.is_held():
        raise RefusedError(
            f"{mirror.root}: publishing is on hold",
            hint="`hubmirror release` lets it go on; `hubmirror status` says why it is held",
        )
    _refuse_missing_bytes(mirror, holdings)
    catalog = same.publication.catalog if same else _add_catalog(mirror, holdings, modes)
    shown = _Content(catalog, content, count(holdings))
    return _show(mirror, shown, evidence, previous.digest if previous else None, modes)


def republish(
    mirror: Mirror, content: Publication, evidence: Evidence, modes: files.Modes
) -> Published:
    """Publish the content of a publication again, with what is known of it now.

    In an instant, for no row is read. Whether publishing is on hold is the caller's to ask:
    what is known may change all the same.

    Raises:
        VerificationError: when readers are served by no sound publication, which this could
            follow.
    """
    previous = mirror.find_serving()
    shown = _Content(content.catalog, content.content_digest, content.counts)
    return _show(mirror, shown, evidence, previous.digest if previous else None, modes)


@dataclass(frozen=True, slots=True)
class _Content:
    catalog: BlobRef
    digest: Digest
    counts: Counts


def _show(
    mirror: Mirror,
    content: _Content,
    evidence: Evidence,
    previous: Digest | None,
    modes: files.Modes,
) -> Published:
    """Let readers see a catalog that is there."""
    publication = Publication(
        origin=mirror.id,
        sequence=mirror.publications.last_sequence() + 1,
        previous=previous,
        catalog=content.catalog,
        content_digest=content.digest,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tool=f"hubmirror {__version__}",
        counts=content.counts,
        evidence=_add_evidence(mirror, evidence, modes),
    )
    digest = mirror.publications.add(publication, modes)
    mirror.publications.make_current(digest, publication.sequence, modes)
    return Published(digest, publication)


def _refuse_missing_bytes(mirror: Mirror, holdings: Holdings) -> None:
    for unit in holdings.units:
        for blob in sorted(unit.blobs()):
            if not mirror.blobs.has(blob):
                raise VerificationError(
                    f"{unit.name} (source {unit.source!r}): its bytes are missing: "
                    f"{mirror.blobs.path(blob.digest)}",
                    hint=f"sync the manifest of source {unit.source!r}: that fetches them again",
                )


def _add_catalog(mirror: Mirror, holdings: Holdings, modes: files.Modes) -> BlobRef:
    with files.staged(mirror.incoming) as (stream, path):
        stream.close()
        write_catalog(path, holdings)
        blob = BlobRef(hash_file(path), path.stat().st_size)
        mirror.blobs.add(path, blob.digest, modes)
    return blob


def _known(mirror: Mirror, previous: Serving | None) -> Evidence:
    return mirror.evidence(previous.publication) if previous else Evidence()


def _add_evidence(mirror: Mirror, evidence: Evidence, modes: files.Modes) -> BlobRef | None:
    if evidence.is_empty():
        return None
    content = evidence.encode()
    blob = BlobRef(Digest.of(content), len(content))
    with files.staged(mirror.incoming) as (stream, path):
        stream.write(content)
        stream.flush()
        mirror.blobs.add(path, blob.digest, modes)
    return blob


def count(holdings: Holdings) -> Counts:
    """Say how much these rows hold, as a publication does."""
    repos = {unit.repo.key for unit in holdings.units if _is_served(unit) and unit.repo}
    snapshots = {row.digest for unit in holdings.units if unit.repo for row in unit.repo.snapshots}
    checkpoints = {row.url for unit in holdings.units for row in unit.checkpoints}
    size = sum(blob.size_bytes for blob in holdings.blobs())
    return Counts(len(repos), len(snapshots), len(checkpoints), size)


def _is_served(unit: Unit) -> bool:
    return bool(unit.repo and unit.repo.refs)
