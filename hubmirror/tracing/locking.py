"""What traces pin in the lock of a manifest: commits, bytes, and the edges between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hubmirror.manifest.lock import (
    DEFAULT_BRANCH,
    Lock,
    LockedCheckpoint,
    LockedEntrypoint,
    LockedRepo,
    LockedRequest,
    LockedSnapshot,
)
from hubmirror.records import Digest
from hubmirror.specs import RepoSpec
from hubmirror.tracing.declared import Declared
from hubmirror.tracing.traces import Located, Trace


def merged_lock(declared: Declared, traces: Sequence[Trace]) -> Lock:
    """Return the lock of a manifest with all that was traced in it; the rest stays pinned."""
    before = declared.lock or Lock(declared.manifest.name)
    repos = {one.key: one for one in before.repos}
    for spec in declared.manifest.repos:
        located = [
            seen.found
            for trace in traces
            for seen in trace.repos
            if seen.found and seen.found.spec.key == spec.key
        ]
        if located:
            edges = [edge for trace in traces if (edge := _edge(trace, spec))]
            repos[str(spec.key)] = _repo(spec, located, edges, repos.get(str(spec.key)))
    checkpoints = {one.url: one for one in before.checkpoints}
    for trace in traces:
        for one in trace.urls:
            if one.row:
                row = one.row
                checkpoints[one.url] = LockedCheckpoint(one.url, row.digest, row.size_bytes)
    return Lock(declared.manifest.name, tuple(repos.values()), tuple(checkpoints.values()))


def _repo(
    spec: RepoSpec,
    located: Sequence[Located],
    edges: Iterable[LockedEntrypoint],
    before: LockedRepo | None,
) -> LockedRepo:
    if before and before.url != spec.url:
        before = None
    requests = tuple(_requests(spec, located, before))
    needed = {row.commit for request in requests for row in request.rows}
    snapshots = {one.commit: one for one in (before.snapshots if before else ())}
    for one in located:
        row = one.snapshot
        pinned = LockedSnapshot(row.commit, row.digest, row.size_bytes, spec.content)
        snapshots[row.commit] = pinned
    calls = {one.call: one for one in (before.entrypoints if before else ())}
    calls |= {one.call: one for one in edges}
    return LockedRepo(
        key=str(spec.key),
        url=spec.url,
        default_branch=located[0].default_branch,
        requests=requests,
        snapshots=tuple(one for commit, one in snapshots.items() if commit in needed),
        moved_to=located[0].moved_to,
        entrypoints=tuple(calls.values()),
    )


def _requests(
    spec: RepoSpec, located: Sequence[Located], before: LockedRepo | None
) -> Iterator[LockedRequest]:
    for typed in spec.refs or (DEFAULT_BRANCH,):
        fitting = (one.ref for one in located if _is_meant(typed, one))
        ref = next(fitting, None)
        if ref:
            yield LockedRequest(typed, (ref,))
        elif before and (rows := before.rows(typed)) is not None:
            yield LockedRequest(typed, rows)


def _is_meant(typed: str, one: Located) -> bool:
    """Tell whether a ref of the manifest is what code asked for."""
    asked = one.typed or DEFAULT_BRANCH
    names = {asked, one.default_branch} if asked == DEFAULT_BRANCH else {asked}
    if typed == DEFAULT_BRANCH:
        names |= {DEFAULT_BRANCH} if one.typed == one.default_branch else set()
    return typed in names


def _edge(trace: Trace, spec: RepoSpec) -> LockedEntrypoint | None:
    """Return what an entrypoint of a repo was seen to need."""
    own, entrypoint = trace.own(), trace.target.entrypoint
    if own is None or entrypoint is None or own.spec.key != spec.key:
        return None
    others = (one for one in trace.repos if one.found and one.found is not own)
    return LockedEntrypoint(
        call=entrypoint.call,
        commit=own.ref.commit,
        urls=tuple(one.url for one in trace.urls if one.row),
        repos=tuple(one.asked for one in others),
        absent=tuple(one.url for one in trace.urls if one.is_absent),
        result=Digest(trace.result) if trace.result else None,
        incomplete=trace.reasons(),
    )
