"""Makes snapshots: a repo, with the submodules and objects that are wanted, as a tar that lands.

Owns: which clone is fetched by whom; two threads never fetch into one clone at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.hubconf import read_hubconf
from hubmirror.records import Digest, RefKind, RefRow, RepoKey, SnapshotRow
from hubmirror.specs import Lfs, RepoSpec
from hubmirror.sync.landing import Landing
from hubmirror.sync.lfs import ObjectFetcher
from hubmirror.upstream.clones import Clone
from hubmirror.upstream.pointers import Pointed
from hubmirror.upstream.repos import GitUpstream
from hubmirror.upstream.snapshots import Choices, write_snapshot
from hubmirror.upstream.submodules import Collector, Submodule


class NoHubconfError(UpstreamError):
    """A commit that torch.hub could not load: it has no hubconf.py, or one that is no Python."""


class SnapshotMaker:
    """Fetches commits and writes their tars; used from several threads.

    ``check_stop`` raises when the run is over.
    """

    def __init__(
        self,
        git: GitUpstream,
        landing: Landing,
        objects: ObjectFetcher,
        clone_of: Callable[[RepoKey], Path],
        check_stop: Callable[[], None],
    ) -> None:
        self._git = git
        self._objects = objects
        self._landing = landing
        self._clone_of = clone_of
        self._check_stop = check_stop
        self._at_clone: dict[Path, threading.Lock] = {}

    def fetch(self, spec: RepoSpec, wanted: Sequence[RefRow]) -> tuple[RefRow, ...]:
        """Bring refs of a repo into its clone; say which commit each one is."""
        folder = self._clone_of(spec.key)
        with self._at_clone.setdefault(folder, threading.Lock()):  # two sources may want one repo
            return self._git.fetch(
                spec.url, folder, wanted, allow_unreachable=spec.allow_unreachable
            )

    def make(
        self, spec: RepoSpec, ref: RefRow, most_bytes: int | None
    ) -> tuple[SnapshotRow, tuple[str, ...]]:
        """Write the snapshot of a fetched ref; return its row and findings.

        Raises:
            HubmirrorError: when the commit, a submodule or a Git LFS object that is wanted
                cannot be taken.
        """
        clone = self._git.clone(self._clone_of(spec.key))
        found: Mapping[str, Submodule] = {}
        if spec.submodules:
            found = Collector(spec.url, self._fetch_submodule).collect(clone, ref.commit)
        objects: dict[Digest, Path] = {}

        def bring(wanted: Sequence[Pointed]) -> Mapping[Digest, Path]:
            objects.update(self._objects.bring(wanted))
            return objects

        choices = Choices(
            most_bytes,
            refuse_pointers=spec.lfs is Lfs.FAIL,
            submodules=found,
            url=spec.url,
            bring=bring if spec.lfs is Lfs.FETCH else None,
        )
        made = self._write(f"{spec.title}:{ref.name}", clone, ref.commit, choices)
        self._objects.use_up(objects)
        return made

    def _fetch_submodule(self, url: str, commit: str) -> Clone:
        """Bring one commit of a submodule into a clone that no manifest names."""
        self._check_stop()
        folder = self._clone_of(RepoKey("submodule", Digest.of(url.encode()).hex))
        with self._at_clone.setdefault(folder, threading.Lock()):
            self._git.fetch(url, folder, [RefRow(commit, RefKind.COMMIT, commit)])
        return self._git.clone(folder)

    def _write(
        self, title: str, clone: Clone, commit: str, choices: Choices
    ) -> tuple[SnapshotRow, tuple[str, ...]]:
        try:
            hubconf = read_hubconf(lambda path: clone.read_file(commit, path))
        except InvalidInputError as error:
            raise NoHubconfError(f"{title}: {error.message}", hint=error.hint) from error
        with self._landing.staged() as (stream, path):
            made = write_snapshot(clone, commit, stream, choices)
            stream.flush()
            self._landing.keep(path, made.digest)
        about = self._landing.keep_bytes(hubconf.encode())
        row = SnapshotRow(
            commit=commit,
            digest=made.digest,
            size_bytes=made.size_bytes,
            entrypoints=tuple(entrypoint.name for entrypoint in hubconf.entrypoints),
            open_ended=hubconf.open_ended,
            dependencies=hubconf.dependencies,
            requires_torch=hubconf.requires_torch,
            about=about.digest,
            about_size_bytes=about.size_bytes,
        )
        return row, made.findings
