"""What a manifest lacks of a repo, and what it says once that was added. Values only.

Invariant: ``joined(held, missing_of(held, wanted))`` has all that both want, and nothing of
``held`` is taken away.
"""

from __future__ import annotations

from dataclasses import replace

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.addresses import shown
from hubmirror.records import RepoKey
from hubmirror.specs import CheckpointSpec, RepoSpec


def missing_of(held: RepoSpec, wanted: RepoSpec, default_branch: str) -> RepoSpec:
    """Return what ``wanted`` asks for beyond ``held``.

    Raises:
        InvalidInputError: when the two contradict each other, or refs would displace a default
            branch whose name is not known.
    """
    known, names = {one.url: one for one in held.checkpoints}, held.names()
    return replace(
        held,
        refs=_missing_refs(held, wanted, default_branch),
        aliases=tuple(alias for alias in wanted.aliases if RepoKey.parse(alias) not in names),
        entrypoints=tuple(one for one in wanted.entrypoints if one not in held.entrypoints),
        checkpoints=tuple(
            one for one in wanted.checkpoints if one.url not in known or _adds(one, known[one.url])
        ),
    )


def _missing_refs(held: RepoSpec, wanted: RepoSpec, default_branch: str) -> tuple[str, ...]:
    if held.refs:
        return tuple(ref for ref in wanted.refs if ref not in held.refs)
    others = tuple(ref for ref in wanted.refs if ref != default_branch)
    if others and not default_branch:
        raise InvalidInputError(
            f"{held.title}: its entry has no refs:, which means the default branch; "
            f"with refs: [{', '.join(others)}] that would be lost",
            hint="name the default branch under refs: first",
        )
    return (default_branch, *others) if others else ()


def _adds(found: CheckpointSpec, held: CheckpointSpec) -> bool:
    """Tell whether a checkpoint brings the sha256 that the manifest has not."""
    new, old = found.checksum, held.checksum
    if new and old and not (new.startswith(old) or old.startswith(new)):
        raise InvalidInputError(
            f"{shown(held.url)}: the manifest says sha256 {old}, what was found has {new}",
            hint="find out which is right; if the bytes changed on purpose, edit the manifest",
        )
    return bool(new and not old)


def joined(held: RepoSpec, missing: RepoSpec) -> RepoSpec:
    """Return a repo with what it lacked."""
    updated = {one.url: one for one in missing.checkpoints}
    kept = [
        replace(one, sha256=updated[one.url].sha256, prefix=updated.pop(one.url).prefix)
        if one.url in updated
        else one
        for one in held.checkpoints
    ]
    return replace(
        held,
        refs=held.refs + missing.refs,
        aliases=held.aliases + missing.aliases,
        entrypoints=held.entrypoints + missing.entrypoints,
        checkpoints=(*kept, *updated.values()),
    )
