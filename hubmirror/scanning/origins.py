"""Gets hold of a repo to scan: from its host, out of a mirror, or where it lies.

Owns: throw-away clones. Invariant: whatever was fetched is gone afterwards, and no network is
asked for what a mirror or a folder has.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.addresses import check_repo_url, name_repo
from hubmirror.mirror import Mirror
from hubmirror.resolve import Spec, resolve
from hubmirror.scanning.findings import Scan
from hubmirror.scanning.scan import scan
from hubmirror.scanning.trees import FolderTree, Origin, TarTree
from hubmirror.upstream.refs import match_refs
from hubmirror.upstream.repos import GitUpstream
from hubmirror.upstream.snapshots import Choices, write_snapshot

_MOST_BYTES = 4 * 10**9  # of a throw-away snapshot


def scan_folder(folder: Path) -> Scan:
    """Tell what the repo in a folder needs.

    Raises:
        InvalidInputError: when it is no folder.
    """
    return scan(FolderTree(folder), Origin())


def scan_mirrored(spec: Spec, mirror: Mirror) -> Scan:
    """Tell what a mirrored repo needs, without any network.

    Raises:
        NotMirroredError: when the mirror does not hold it.
        VerificationError: when its snapshot is damaged.
    """
    found = resolve(mirror.catalog(), spec)
    blob = next(one for one in found.snapshot.blobs() if one.digest == found.snapshot.digest)
    origin = Origin(
        found.repo.title,
        found.repo.url,
        spec.ref,
        found.ref.commit,
        found.repo.default_branch,
    )
    with TarTree(mirror.blobs.check(blob, full=True)) as tree:
        return scan(tree, origin)


def scan_upstream(spec: Spec, git: GitUpstream, *, url: str = "") -> Scan:
    """Fetch a repo into a folder that is removed again, and tell what it needs.

    Raises:
        UpstreamError: when the host does not give it, or has no such ref.
        InvalidInputError: when the address or the ref cannot be meant.
    """
    if url:
        check_repo_url(url)
    title, address = name_repo(spec.name, url)
    remote = git.list_refs(address)
    rows = match_refs(spec.ref, remote)
    if len(rows) > 1:
        raise InvalidInputError(f"{spec}: {len(rows)} refs match; name one of them")
    with _throw_away() as folder:
        (row,) = git.fetch(address, folder / "clone", rows, remote=remote)
        tar = folder / "snapshot.tar"
        with tar.open("wb") as stream:
            write_snapshot(git.clone(folder / "clone"), row.commit, stream, Choices(_MOST_BYTES))
        origin = Origin(title, address, spec.ref, row.commit, remote.default_branch)
        with TarTree(tar) as tree:
            return scan(tree, origin)


@contextlib.contextmanager
def _throw_away() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hubmirror-scan-") as name:
        yield Path(name)
