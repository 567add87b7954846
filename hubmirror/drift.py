"""What a repo's refs mean now, against what the lock says that they meant.

Pure. Owns: what the policies of a repo make of refs that moved, of a name that leads to another
place than it did, and of a repo that is gone. Invariant: what is kept is exactly what the lock has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hubmirror.errors import GoneError, HubmirrorError, RefusedError
from hubmirror.findings import Finding, FindingKind
from hubmirror.manifest.locked import DEFAULT_BRANCH, LockedRepo
from hubmirror.records import RefKind, RefRow
from hubmirror.specs import Drift, RepoSpec


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a repo's typed refs mean now.

    Attributes:
        default_branch: Its name upstream; empty when upstream has none.
        requests: Each ref as typed (``HEAD`` for the default branch) and what it stands for.
            A commit that can only be found in the history is empty until it was fetched.
        moved_to: Where its host sends those who ask, when it was renamed; else empty.
        asked: True when its host was asked and answered.
    """

    default_branch: str
    requests: Mapping[str, tuple[RefRow, ...]]
    moved_to: str = ""
    asked: bool = False

    def refs(self) -> tuple[RefRow, ...]:
        """Return every ref once, by name."""
        return tuple(sorted({row for rows in self.requests.values() for row in rows}))

    def only_by_glob(self) -> frozenset[RefRow]:
        """Return the refs that nobody typed, but a glob matches."""
        globbed = {typed for typed in self.requests if any(char in typed for char in "*?[")}
        typed = {row for ref, rows in self.requests.items() if ref not in globbed for row in rows}
        return frozenset(self.refs()) - typed


@dataclass(frozen=True, slots=True)
class Judged:
    """A resolution as the policies leave it.

    Attributes:
        refusal: Why the repo cannot advance.
        findings: What moved upstream since the lock.
        kept_refs: Refs that stay at their locked commit.
    """

    resolution: Resolution
    refusal: HubmirrorError | None = None
    findings: tuple[Finding, ...] = ()
    kept_refs: frozenset[RefRow] = frozenset()


_UNKNOWN = Resolution("", {}, asked=True)


def judge_drift(spec: RepoSpec, resolution: Resolution, locked: LockedRepo | None) -> Judged:
    """Compare a repo with the lock; what comes from another place counts as a moved branch."""
    if locked is None or locked.url != spec.url:
        return Judged(resolution)
    if resolution.moved_to == locked.moved_to:
        return _judge_refs(spec, resolution, locked)
    if not locked.moved_to:  # the host says so, and its refs are judged as ever
        judged = _judge_refs(spec, resolution, locked)
        renamed = (
            f"the repo was renamed: {spec.url} leads to {resolution.moved_to} now; both names load"
        )
        finding = Finding(FindingKind.RENAMED_REPO, spec.title, Drift.FOLLOW, renamed)
        return replace(judged, findings=(finding, *judged.findings))
    return _judge_taken_over(spec, resolution, locked)


def judge_gone(spec: RepoSpec, gone: GoneError, locked: LockedRepo | None) -> Judged:
    """Say what becomes of a repo that its host does not have, or does not show, any more.

    One that was never locked is no drift: its manifest names what is not there.
    """
    if locked is None or locked.url != spec.url:
        return Judged(_UNKNOWN, gone)
    said = FindingKind.GONE_REPO, spec.title, spec.on_gone_repo
    typed = spec.refs or (DEFAULT_BRANCH,)
    if spec.on_gone_repo is Drift.FOLLOW and all(locked.rows(ref) is not None for ref in typed):
        finding = Finding(*said, f"{gone.message}; all refs stay as locked")
        requests = {ref: locked.rows(ref) or () for ref in typed}
        asked = Resolution(locked.default_branch, requests, locked.moved_to, asked=True)
        return Judged(asked, None, (finding,), frozenset(asked.refs()))
    hint = (
        f"{gone.hint}\nif it is gone for good: `on_gone_repo: follow` in the manifest keeps what "
        "is mirrored as it is"
    )
    refusal = RefusedError(f"{spec.title}: {gone.message}", hint=hint.lstrip())
    return Judged(_UNKNOWN, refusal, (Finding(*said, gone.message),))


def _judge_taken_over(spec: RepoSpec, resolution: Resolution, locked: LockedRepo) -> Judged:
    """Judge an address that led to another place when it was locked."""
    moved = _taken_over(spec, resolution, locked)
    said = FindingKind.TAKEN_OVER_REPO, spec.title, spec.on_moved_branch
    match spec.on_moved_branch:
        case Drift.FAIL:
            return Judged(resolution, _refused(spec, spec.title, moved), (Finding(*said, moved),))
        case Drift.HOLD:
            held = _as_locked(resolution, locked)
            finding = Finding(*said, f"{moved}; all refs stay as locked")
            return Judged(held, None, (finding,), frozenset(held.refs()))
        case Drift.FOLLOW:
            judged = _judge_refs(spec, resolution, locked)
            finding = Finding(*said, f"{moved}; followed")
            return replace(judged, findings=(finding, *judged.findings))


def _taken_over(spec: RepoSpec, resolution: Resolution, locked: LockedRepo) -> str:
    """Word what was seen: a host drops a renamed repo's redirect for whoever takes its name."""
    now = f"leads to {resolution.moved_to}" if resolution.moved_to else "has a repo of its own"
    return (
        f"{spec.url} led to {locked.moved_to} when it was locked, and now {now}: "
        "somebody else may have taken the old name"
    )


def _as_locked(resolution: Resolution, locked: LockedRepo) -> Resolution:
    """Return what the lock has; of refs that it does not know, what they are now."""
    requests = {
        typed: rows if (pinned := locked.rows(typed)) is None else pinned
        for typed, rows in resolution.requests.items()
    }
    return replace(
        resolution,
        default_branch=locked.default_branch,
        requests=requests,
        moved_to=locked.moved_to,
    )


def _judge_refs(spec: RepoSpec, resolution: Resolution, locked: LockedRepo) -> Judged:
    """Compare refs with the lock; a tag is a promise, so by default one that moved is refused."""
    before = {(row.name, row.kind): row for one in locked.requests for row in one.rows}
    refusal: RefusedError | None = None
    findings: list[Finding] = []
    kept: dict[RefRow, RefRow] = {}
    for row in resolution.refs():
        old = before.get((row.name, row.kind), row)
        if old.commit == row.commit or row.kind is RefKind.COMMIT:
            continue
        is_tag = row.kind is RefKind.TAG
        policy = spec.on_moved_tag if is_tag else spec.on_moved_branch
        moved = (
            f"{row.kind} {row.name!r} was moved upstream: locked to {old.commit}, now {row.commit}"
        )
        done = {Drift.FAIL: "", Drift.HOLD: "; it stays as locked", Drift.FOLLOW: "; followed"}
        kind = FindingKind.MOVED_TAG if is_tag else FindingKind.MOVED_BRANCH
        findings.append(Finding(kind, row.name, policy, moved + done[policy]))
        if policy is Drift.FAIL:
            refusal = refusal or _refused(spec, f"{spec.title}:{row.name}", moved)
        elif policy is Drift.HOLD:
            kept[row] = old
    requests = {
        ref: tuple(kept.get(row, row) for row in rows) for ref, rows in resolution.requests.items()
    }
    changed = replace(resolution, requests=requests)
    return Judged(changed, refusal, tuple(findings), frozenset(kept.values()))


def _refused(spec: RepoSpec, pinned: str, moved: str) -> RefusedError:
    return RefusedError(
        f"{spec.title}: {moved}",
        hint=f"find out why; to accept it: hubmirror lock MANIFEST --upgrade {pinned}",
    )
