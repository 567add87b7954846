"""What was seen of one call: values, and the judgement whether that is all. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror import urls
from hubmirror.records import CheckpointRow, RefRow, SnapshotRow
from hubmirror.resolve import Spec
from hubmirror.specs import EntrypointSpec, RepoSpec

ABSENT = (404, 410)
"""What a host says of what it has not."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is traced: an entrypoint of a repo, or a command where there is none."""

    spec: Spec | None = None
    entrypoint: EntrypointSpec | None = None
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.spec and self.entrypoint:
            return f"{self.spec} {self.entrypoint.call}"
        return " ".join(self.command)


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose code asked: a repo's name and a place in it; a place alone for a script's."""

    repo: str = ""
    place: str = ""

    def __str__(self) -> str:
        return f"{self.repo}: {self.place}" if self.repo and self.place else self.place or self.repo


@dataclass(frozen=True, slots=True)
class SeenUrl:
    """A URL that code asked for.

    Attributes:
        url: As it may be stored; without what is secret in it.
        status: 200, or what its host said in place of the bytes; 0 where nothing came.
        row: What came.
        failure: Why nothing came, though its host does not say that there is nothing.
        by: The function or library that the code asked.
        file: Where the code wanted a file; ``memory`` where it wanted none.
    """

    url: str
    status: int
    row: CheckpointRow | None
    failure: str
    by: str
    method: str
    hash_prefix: str
    file: str
    asker: Asker

    @property
    def is_absent(self) -> bool:
        """Whether its host says that there is nothing."""
        return self.status in ABSENT


@dataclass(frozen=True, slots=True)
class Located:
    """A repo as upstream has it: what it is called, which commit is meant, and its snapshot.

    Attributes:
        spec: The repo as the manifest has it, or as a manifest would.
        typed: The ref as code asked for it; empty for the default branch.
    """

    spec: RepoSpec
    typed: str
    default_branch: str
    moved_to: str
    ref: RefRow
    snapshot: SnapshotRow


@dataclass(frozen=True, slots=True)
class SeenRepo:
    """A repo that code asked for; ``found`` is None where it could not be had."""

    asked: str
    found: Located | None
    failure: str
    asker: Asker


@dataclass(frozen=True, order=True, slots=True)
class Distribution:
    """A distribution that a repo's code imports, under the name of its module."""

    repo: str
    module: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Trace:
    """All that was seen of one call.

    Attributes:
        urls: In the order in which they were first asked for.
        repos: In the order in which they were first asked for; the first one is the target's.
        distributions: What the repos' code imports.
        unrecorded: What reached for the network by a way that nobody records, and from where.
        writes: Files that the code left in its repo, home or working directory.
        error: How it stopped before its end; empty when it did not.
        result: The fingerprint of what the entrypoint returned, or empty.
        output: The end of what the child said.
        confinement: By what the child was kept to its folders.
    """

    target: Target
    urls: tuple[SeenUrl, ...] = ()
    repos: tuple[SeenRepo, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    unrecorded: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    error: str = ""
    result: str = ""
    output: str = ""
    confinement: str = ""

    def reasons(self) -> tuple[str, ...]:
        """Say why this may not be all; nothing where it is."""
        return tuple(dict.fromkeys(self._reasons()))

    def _reasons(self) -> Iterator[str]:
        failures = [one.failure for one in self.repos] + [one.failure for one in self.urls]
        for repo in self.repos:
            if repo.failure:
                yield f"{repo.asked} could not be had: {repo.failure}{_by(repo.asker)}"
        for seen in self.urls:
            if seen.failure:
                yield f"{urls.redact(seen.url)} could not be had: {seen.failure}{_by(seen.asker)}"
        for what in self.unrecorded:
            yield f"not recorded: {what}"
        if self.error and not any(one and one in self.error for one in failures):
            absent = [f"{one.url}{_by(one.asker)}" for one in self.urls if one.is_absent]
            after = f"; not there: {', '.join(absent)}" if absent else ""
            yield f"it stopped early: {self.error}{after}"

    def own(self) -> Located | None:
        """Return the target's own repo, where it was found."""
        own = str(self.target.spec) if self.target.spec else ""
        return next((one.found for one in self.repos if one.asked == own), None)

    def undeclared(self) -> tuple[Distribution, ...]:
        """Return what repos import and their ``dependencies`` do not name."""
        declared = {
            one.found.spec.title: one.found.snapshot.dependencies for one in self.repos if one.found
        }
        return tuple(
            one
            for one in self.distributions
            if not {one.module, one.name} & {*declared.get(one.repo, ()), "torch"}
        )


def _by(asker: Asker) -> str:
    return f" (asked by {asker})" if str(asker) else ""
