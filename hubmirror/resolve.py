"""Turns what code asks for (``owner/name:ref``) into the snapshot that a publication holds.

Reads a catalog, opens nothing else. Every failure says what is mirrored, or the manifest
lines to add.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hubmirror.catalog import Catalog
from hubmirror.errors import InvalidInputError, NotMirroredError
from hubmirror.naming import did_you_mean, shorten
from hubmirror.records import (
    GITHUB,
    SHORT_COMMIT,
    RefKind,
    RefRow,
    RepoKey,
    RepoRow,
    SnapshotRow,
    Unit,
    UnitState,
)

USUAL_DEFAULTS = ("main", "master")
_ADDRESS = (  # compiled when an address is asked for: seldom
    r"(?:(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::\d+)?/|[^/:@]+@(?P<scp_host>[^/:@]+):)"
    r"(?P<path>[^:?#]+?)(?:\.git)?/?"
    r"(?:/(?:-/)?(?:tree|commit)/(?P<tree>[^?#]+?)/?|:(?P<ref>[^?#]*))?(?:[?#].*)?"
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A repo as code asks for it.

    Attributes:
        name: ``owner/name`` as written.
        key: The same, folded.
        ref: As written; empty for the default branch.
    """

    name: str
    key: RepoKey
    ref: str

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read ``owner/name``, ``owner/name:ref``, or the address of a repo.

        Addresses are those that a browser or git shows: ``https://github.com/owner/name``, with
        ``.git``, ``:ref`` or ``/tree/ref`` at its end, ``git@github.com:owner/name.git``.

        Raises:
            InvalidInputError: when it is none of these.
        """
        name, _, ref = _without_address(text).partition(":")
        return cls(name, RepoKey.parse(name), ref)

    def __str__(self) -> str:
        return f"{self.name}:{self.ref}" if self.ref else self.name


def _without_address(text: str) -> str:
    """Return ``name:ref`` of a repo's address; other text as it is."""
    match = re.fullmatch(_ADDRESS, text)
    if not match:
        return text
    host = (match["host"] or match["scp_host"]).lower().removeprefix("www.")
    name = match["path"] if host == GITHUB else f"{host}/{match['path']}"
    return f"{name}:{match['tree'] or match['ref'] or ''}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The answer to a spec: one snapshot of one mirrored repo."""

    spec: Spec
    unit: Unit
    repo: RepoRow
    ref: RefRow
    snapshot: SnapshotRow

    @property
    def is_renamed(self) -> bool:
        """Whether ``main`` was asked for and ``master`` is meant, or the other way round."""
        return self.spec.ref in USUAL_DEFAULTS and self.spec.ref != self.ref.name


def resolve(catalog: Catalog, spec: Spec) -> Resolved:
    """Find the snapshot that a spec means.

    Without a ref: the repo's default branch, else ``main``, else ``master``. Of the latter two
    one stands for the other where that is the default branch, as on GitHub after a renaming. A
    bare name that is both branch and tag means the branch, as in torch.hub.

    Raises:
        NotMirroredError: when the repo or the ref is not mirrored, or its unit is incomplete.
    """
    units = catalog.units_named(spec.key)
    if not units:
        raise _unknown_repo(catalog, spec)
    served = [(unit, unit.repo) for unit in units if unit.repo and unit.repo.refs]
    if not served:
        unit = units[0]
        raise NotMirroredError(
            f"{spec.name}: {UnitState.INCOMPLETE} in source {unit.source!r}: {unit.reason}",
            hint="mend the cause, then run `hubmirror sync` again",
            wanted=str(spec),
        )
    repos = [repo for _, repo in served]
    found = find_ref(repos, spec)
    if found is None:
        raise _unknown_ref(spec, repos)
    repo, ref = found
    unit = next(unit for unit, its_repo in served if its_repo is repo)
    return Resolved(spec, unit, repo, ref, _snapshot_at(repo, ref.commit))


def find_ref(repos: Sequence[RepoRow], spec: Spec) -> tuple[RepoRow, RefRow] | None:
    """Find the ref that a spec means among repos of its name, by the rules of ``resolve``."""
    for wanted in _wanted_refs(spec, repos):
        for repo in repos:
            if ref := _find_ref(repo, wanted):
                return repo, ref
    return None


def _wanted_refs(spec: Spec, repos: Sequence[RepoRow]) -> list[str]:
    defaults = [repo.default_branch for repo in repos if repo.default_branch]
    if spec.ref in USUAL_DEFAULTS:
        return [spec.ref, *(f"refs/heads/{name}" for name in defaults if name in USUAL_DEFAULTS)]
    if spec.ref:
        return [spec.ref]
    return [f"refs/heads/{name}" for name in (*defaults, *USUAL_DEFAULTS)]


def _find_ref(repo: RepoRow, wanted: str) -> RefRow | None:
    for kind, prefix in ((RefKind.BRANCH, "refs/heads/"), (RefKind.TAG, "refs/tags/")):
        for ref in repo.refs:
            short = ref.name.removeprefix(prefix)
            if ref.kind is kind and wanted in (short, prefix + short):
                return ref
    if SHORT_COMMIT.fullmatch(wanted.lower()):
        commits = {row.commit for row in repo.refs if row.commit.startswith(wanted.lower())}
        if len(commits) == 1:
            (commit,) = commits
            return RefRow(commit, RefKind.COMMIT, commit)
    return None


def _snapshot_at(repo: RepoRow, commit: str) -> SnapshotRow:
    return next(row for row in repo.snapshots if row.commit == commit)


def _unknown_repo(catalog: Catalog, spec: Spec) -> NotMirroredError:
    titles = catalog.repo_titles()
    near = did_you_mean(spec.name, titles)
    known = f"; mirrored: {shorten(titles)}" if titles else "; the mirror holds no repo"
    refs = f"\n      refs: [{spec.ref}]" if spec.ref else ""
    return NotMirroredError(
        f"{spec.name}: not mirrored{near}{known}",
        hint=f"to mirror it, add to the manifest:\n    - repo: {spec.name}{refs}",
        wanted=str(spec),
    )


def _unknown_ref(spec: Spec, repos: Sequence[RepoRow]) -> NotMirroredError:
    names = sorted({ref.name for repo in repos for ref in repo.refs})
    if spec.ref:
        what = f"{spec.name}: ref {spec.ref!r} is not mirrored{did_you_mean(spec.ref, names)}"
        line = f"{spec.ref!r}"
    else:
        default = next((repo.default_branch for repo in repos if repo.default_branch), "")
        what = f"{spec.name}: its default branch {default!r} is not mirrored"
        line = f"{default!r}"
    return NotMirroredError(
        f"{what}; mirrored refs: {shorten(names)}",
        hint=f"ask for one of these as {spec.name}:REF, "
        f"or add {line} to the `refs:` of {spec.name} in the manifest",
        wanted=str(spec),
    )


def check_spec(text: str) -> Spec:
    """Read a spec, with a message for people who wrote it into code or on a command line.

    Raises:
        InvalidInputError: saying how a spec is written.
    """
    try:
        return Spec.parse(text)
    except InvalidInputError as error:
        raise InvalidInputError(
            error.message,
            hint="a repo is named owner/name or owner/name:ref, or by its address, such as "
            "https://github.com/owner/name",
        ) from None
