"""Which repo and commit a spec means upstream, by the rules of a sync, and its snapshot.

Used from several threads; the same question is answered once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hubmirror.drift import Resolution, judge_drift
from hubmirror.index import SnapshotName
from hubmirror.manifest.locked import DEFAULT_BRANCH
from hubmirror.records import RefKind, RefRow, SnapshotRow
from hubmirror.resolve import USUAL_DEFAULTS, Spec
from hubmirror.specs import RepoSpec
from hubmirror.sync.fetching import as_fetched
from hubmirror.sync.landing import Landing
from hubmirror.sync.snapshots import SnapshotMaker
from hubmirror.tracing.declared import Declared
from hubmirror.tracing.once import Once
from hubmirror.tracing.traces import Located
from hubmirror.upstream.refs import RemoteRefs, match_refs


class Locator:
    """Finds repos, and makes their snapshots.

    ``made`` is told of each snapshot that was made, from any thread.
    """

    def __init__(
        self,
        maker: SnapshotMaker,
        list_refs: Callable[[str], RemoteRefs],
        landing: Landing,
        declared: Declared,
        held: Mapping[SnapshotName, SnapshotRow],
        address_of: Callable[[str], str],
        made: Callable[[Located], None],
    ) -> None:
        self._maker = maker
        self._list_refs = Once(list_refs)
        self._landing = landing
        self._declared = declared
        self._held = held
        self._address_of = address_of
        self._made = made
        self._once = Once[tuple[RepoSpec, str], Located](lambda asked: self._locate(*asked))

    def locate(self, spec: Spec) -> Located:
        """Return what a spec means now, with its snapshot in the landing.

        Raises:
            HubmirrorError: when upstream does not give it, or a policy says no.
        """
        return self._once((self._declared.repo(spec.name), spec.ref))

    def _locate(self, spec: RepoSpec, typed: str) -> Located:
        source = replace(spec, url=self._address_of(spec.url))
        remote = self._list_refs(source.url)
        typed = _as_renamed(typed, remote)
        moved_to = remote.moved_to if source.url == spec.url else ""
        request = {typed or DEFAULT_BRANCH: match_refs(typed, remote)[:1]}
        resolution = Resolution(remote.default_branch, request, moved_to, asked=True)
        locked = self._declared.lock.repo(spec.key) if self._declared.lock else None
        judged = judge_drift(spec, resolution, locked)
        if judged.refusal:
            raise judged.refusal
        (wanted,) = judged.resolution.refs()
        ref, row = self._snapshot(source, wanted, is_kept=wanted in judged.kept_refs)
        located = Located(spec, typed, remote.default_branch, moved_to, ref, row)
        self._made(located)
        return located

    def _snapshot(
        self, source: RepoSpec, wanted: RefRow, *, is_kept: bool
    ) -> tuple[RefRow, SnapshotRow]:
        held = self._held.get((source.key, wanted.commit, source.content))
        if held and len(self._landing.present(held.blobs())) == len(held.blobs()):
            return wanted, held
        commit = RefRow(wanted.commit, RefKind.COMMIT, wanted.commit)
        (came,) = self._maker.fetch(source, [commit if is_kept else wanted])
        ref = wanted if is_kept else as_fetched(source.title, wanted, came.commit)
        row, _ = self._maker.make(source, ref, source.max_size_bytes)
        return ref, row


def _as_renamed(typed: str, remote: RemoteRefs) -> str:
    """Return ``main`` for ``master``, or the other way round, where that is what there is."""
    has_it = typed in remote.branches or typed in remote.tags
    if typed in USUAL_DEFAULTS and not has_it and remote.default_branch in USUAL_DEFAULTS:
        return remote.default_branch
    return typed
