"""From traces to the lines of a manifest and to its lock.

Owns: which of what was seen belongs to which entry. A URL belongs to the repo whose code asked
for it; to the traced repo, where that cannot be told; to none, in a script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hubmirror import files, urls
from hubmirror.files import Modes
from hubmirror.manifest.editing import EMPTY, add_checkpoints, add_repo, edit_manifest
from hubmirror.manifest.lock import lock_path
from hubmirror.manifest.merging import missing_of
from hubmirror.records import CheckpointRow, RepoKey
from hubmirror.specs import CheckpointSpec, RepoSpec
from hubmirror.tracing.declared import Declared
from hubmirror.tracing.locking import merged_lock
from hubmirror.tracing.traces import Located, SeenUrl, Trace


@dataclass(frozen=True, slots=True)
class Needs:
    """What the manifest must have: repos with their parts, and checkpoints of no repo."""

    repos: tuple[tuple[RepoSpec, str], ...]
    """Each with the name of its default branch."""
    loose: tuple[CheckpointSpec, ...]

    def add_to(self, text: str, file: str) -> str:
        """Return a manifest's text with what it lacks of this.

        Raises:
            InvalidInputError: when the manifest contradicts it.
        """
        for repo, default_branch in self.repos:
            text = add_repo(text, repo, file=file, default_branch=default_branch)
        return add_checkpoints(text, self.loose, file=file)


def needs_of(declared: Declared, traces: Iterable[Trace]) -> Needs:
    """Gather what traces have seen, by the repo that it belongs to."""
    traces = tuple(traces)
    found: dict[RepoKey, list[Located]] = {}
    for trace in traces:
        for seen in trace.repos:
            if seen.found:
                found.setdefault(seen.found.spec.key, []).append(seen.found)
    titles = {one.spec.title: key for key, located in found.items() for one in located}
    wanted: dict[RepoKey | None, dict[str, CheckpointSpec]] = {}
    for trace in traces:
        for one in trace.urls:
            if one.row:
                key = titles.get(_owner(trace, one))
                wanted.setdefault(key, {})[one.url] = _checkpoint(one.row)
    repos = []
    for key, located in found.items():
        checkpoints = tuple(wanted.get(key, {}).values())
        repos.append((_repo(declared, located, checkpoints, traces), located[0].default_branch))
    return Needs(tuple(repos), tuple(wanted.get(None, {}).values()))


def _owner(trace: Trace, seen: SeenUrl) -> str:
    own = trace.own()
    return seen.asker.repo or (own.spec.title if own else "")


def _checkpoint(row: CheckpointRow) -> CheckpointSpec:
    """Return the line for a URL; with its digest where its name promises another one."""
    is_misnamed = urls.name_contradicts(row.url, row.digest.hex)
    return CheckpointSpec(row.url, sha256=row.digest if is_misnamed else None)


def _repo(
    declared: Declared,
    located: Sequence[Located],
    checkpoints: tuple[CheckpointSpec, ...],
    traces: Iterable[Trace],
) -> RepoSpec:
    spec = located[0].spec
    owned = [trace for trace in traces if (own := trace.own()) and own.spec.key == spec.key]
    called = [trace.target.entrypoint for trace in owned if trace.target.entrypoint]
    return replace(
        spec,
        refs=tuple(_refs(declared, located)),
        entrypoints=tuple(dict.fromkeys((*spec.entrypoints, *called))),
        checkpoints=(*spec.checkpoints, *_new(checkpoints, spec.checkpoints)),
    )


def _new(
    found: Iterable[CheckpointSpec], held: Iterable[CheckpointSpec]
) -> Iterator[CheckpointSpec]:
    known = {one.url for one in held}
    return (one for one in found if one.url not in known)


def _refs(declared: Declared, located: Iterable[Located]) -> Iterator[str]:
    """Go through the refs that an entry must name; none means the default branch alone."""
    asked = {one.typed: one for one in located}
    default = asked.pop("", None)
    spec = next(iter(asked.values()), default)
    held = declared.entry(spec.spec.key) if spec else None
    if default and (asked or (held and held.refs)):
        yield default.default_branch
    yield from asked


def manifest_lines(declared: Declared, traces: Iterable[Trace]) -> str:
    """Return what the manifest lacks, as a manifest of its own; empty where that is nothing."""
    needs = needs_of(declared, traces)
    text = EMPTY
    known = declared.urls
    for repo, default_branch in needs.repos:
        held = declared.entry(repo.key)
        missing = missing_of(held, repo, default_branch) if held else repo
        is_new = held is None or missing.refs or missing.entrypoints or missing.checkpoints
        if is_new:
            text = add_repo(text, missing, file="trace.yaml", default_branch=default_branch)
    loose = tuple(one for one in needs.loose if one.url not in known)
    text = add_checkpoints(text, loose, file="trace.yaml")
    return "" if text == EMPTY else text.partition("\n\n")[2].replace("repos: []\n", "")


def write_outcome(
    manifest: Path, lock_dir: Path | None, traces: Sequence[Trace], modes: Modes
) -> Path:
    """Write what was seen into a manifest and its lock; return where the lock is.

    Raises:
        InvalidInputError: when the manifest contradicts what was seen; it is as it was then.
        OSError: when either cannot be written.
    """
    declared = Declared.read(manifest, lock_dir)
    needs = needs_of(declared, traces)
    edit_manifest(manifest, lambda text: needs.add_to(text, str(manifest)))
    after = Declared.read(manifest, lock_dir)
    final = lock_path(manifest, lock_dir)
    files.ensure_folder(final.parent, modes.folder)
    lock = merged_lock(after, traces)
    files.write(lock.encode().encode(), final, staging=final.parent, modes=modes)
    return final
