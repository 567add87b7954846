"""Asks upstream what refs mean now, or the lock what they meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from hubmirror.drift import Resolution
from hubmirror.errors import HubmirrorError, InvalidInputError, UpstreamError
from hubmirror.manifest.locked import DEFAULT_BRANCH, Lock, LockedRepo
from hubmirror.records import RefKind, RefRow, RepoKey
from hubmirror.specs import Manifest, RepoSpec
from hubmirror.sync.options import Mode
from hubmirror.upstream.refs import RemoteRefs, match_refs

_ASKED_AT_ONCE = 8  # a question costs the wait for its answer and little else


def resolve_all(
    manifest: Manifest,
    lock: Lock | None,
    mode: Mode,
    list_refs: Callable[[str], RemoteRefs],
    jobs: int,
) -> Mapping[RepoKey, Resolution | HubmirrorError]:
    """Resolve the refs of every repo, several repos at a time.

    Raises:
        InvalidInputError: when the lock must decide and does not satisfy the manifest.
    """
    if mode is not Mode.FOLLOW:
        check_satisfied(manifest, lock)

    def one(spec: RepoSpec) -> Resolution | HubmirrorError:
        try:
            return _resolve(spec, lock.repo(spec.key) if lock else None, mode, list_refs)
        except HubmirrorError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(jobs, _ASKED_AT_ONCE)) as pool:
        found = pool.map(one, manifest.repos)
        return {spec.key: what for spec, what in zip(manifest.repos, found, strict=True)}


def _resolve(
    spec: RepoSpec,
    locked: LockedRepo | None,
    mode: Mode,
    list_refs: Callable[[str], RemoteRefs],
) -> Resolution:
    typed = spec.refs or (DEFAULT_BRANCH,)
    pinned: dict[str, tuple[RefRow, ...]] = {}
    if locked and locked.url == spec.url:
        pinned = {one.ref: one.rows for one in locked.requests if one.ref in typed}
        if mode is Mode.FOLLOW:
            pinned = {ref: rows for ref, rows in pinned.items() if _is_commit(ref, rows)}
        if len(pinned) == len(set(typed)):
            return Resolution(locked.default_branch, pinned, locked.moved_to)
    remote = list_refs(spec.url)
    try:
        requests = {
            ref: pinned.get(ref) or match_refs("" if ref == DEFAULT_BRANCH else ref, remote)
            for ref in typed
        }
    except UpstreamError as error:
        raise UpstreamError(f"{spec.title}: {error.message}", hint=error.hint) from error
    return Resolution(remote.default_branch, requests, remote.moved_to, asked=True)


def _is_commit(ref: str, rows: Iterable[RefRow]) -> bool:
    """Tell whether a ref was typed as a commit: nobody needs to be asked what that means now."""
    return all(row.kind is RefKind.COMMIT and row.commit.startswith(ref) for row in rows)


def check_satisfied(manifest: Manifest, lock: Lock | None) -> None:
    """Refuse a lock that does not pin all that the manifest wants.

    Raises:
        InvalidInputError: listing what is not pinned.
    """
    missing = list(_unpinned(manifest, lock))
    if missing:
        raise InvalidInputError(
            f"{manifest.file}.lock: does not satisfy {manifest.file}:\n"
            + "\n".join(f"  {line}" for line in missing),
            hint="run `hubmirror sync` once without --locked or --frozen to bring the lock up",
        )


def _made_otherwise(repo: RepoSpec, locked: LockedRepo) -> Iterable[str]:
    """Say by which other choices the locked snapshots were made."""
    for content in sorted({row.content for row in locked.snapshots} - {repo.content}):
        locked_to, chosen = content or "the usual choices", repo.content or "the usual choices"
        yield f"{repo.title}: snapshots locked with {locked_to}, wanted with {chosen}"


def _unpinned(manifest: Manifest, lock: Lock | None) -> Iterable[str]:
    if lock is None:
        yield "there is no lock"
        return
    loose = [(spec, "") for spec in manifest.checkpoints]
    for repo in manifest.repos:
        locked = lock.repo(repo.key)
        if locked is None:
            yield f"{repo.title}: not in the lock"
            continue
        if locked.url != repo.url:
            yield f"{repo.title}: locked from {locked.url}, wanted from {repo.url}"
        for ref in repo.refs or (DEFAULT_BRANCH,):
            if locked.rows(ref) is None:
                yield f"{repo.title}: ref {ref!r} is not in the lock"
        yield from _made_otherwise(repo, locked)
        loose += [(spec, repo.title) for spec in repo.checkpoints]
    for spec, owner in loose:
        pinned = lock.checkpoint(spec.url)
        called = f"{owner}: {spec.url}" if owner else spec.url
        if pinned is None:
            yield f"{called}: not in the lock"
        elif spec.sha256 and spec.sha256 != pinned.digest:
            yield f"{called}: locked to sha256 {pinned.digest}, the manifest says {spec.sha256}"
