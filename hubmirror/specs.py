"""What is wanted, as a manifest says it once it was read. Values only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from hubmirror.records import Digest, RepoKey


class Drift(StrEnum):
    """What is done about what is upstream no more what the lock says."""

    FOLLOW = "follow"
    HOLD = "hold"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class EntrypointSpec:
    """An entrypoint that must work offline, with the arguments that it must work with.

    ``call`` is how a person would write it: ``resnet18(pretrained=True)``.
    """

    name: str
    call: str


@dataclass(frozen=True, slots=True)
class CheckpointSpec:
    """A wanted weight file.

    Attributes:
        url: Its identity: stored whole, matched exactly.
        sha256: The digest that its author demands, or None.
        prefix: The leading hex digits of a sha256 that its author demands, or nothing.
        fallbacks: Other addresses of the same bytes, tried in order.
        fetch_url: The address really asked, with ``${NAME}`` for the environment; never stored.
        on_changed_url: What to do when ``sync --check-urls`` finds other bytes there.
        on_gone_url: What to do when it finds nothing there any more.
    """

    url: str
    sha256: Digest | None = None
    prefix: str = ""
    fallbacks: tuple[str, ...] = ()
    fetch_url: str = ""
    on_changed_url: Drift = Drift.FAIL
    on_gone_url: Drift = Drift.HOLD

    @property
    def checksum(self) -> str:
        """The hex digits that its author demands, all or the leading ones, or nothing."""
        return self.sha256.hex if self.sha256 else self.prefix


class Lfs(StrEnum):
    """What becomes of Git LFS pointers: kept with a finding, replaced, or a reason to fail."""

    POINTER = "pointer"
    FETCH = "fetch"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class RepoSpec:
    """A wanted repo with all that must advance together with it: one unit.

    Attributes:
        title: The repo's name as written, ``owner/name`` or ``host/path``.
        key: The same, folded.
        url: The git address.
        refs: As typed: branch, tag, commit, glob; empty for the default branch.
        aliases: Other names by which code asks for it, as written.
        submodules: Whether they are part of its snapshots.
        max_size_bytes: Refuse more bytes in one snapshot; None leaves it to the settings.
        allow_unreachable: Whether a commit may be on no branch or tag.
    """

    title: str
    key: RepoKey
    url: str
    refs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    entrypoints: tuple[EntrypointSpec, ...] = ()
    checkpoints: tuple[CheckpointSpec, ...] = ()
    submodules: bool = False
    lfs: Lfs = Lfs.POINTER
    max_size_bytes: int | None = None
    allow_unreachable: bool = False
    on_moved_tag: Drift = Drift.FAIL
    on_moved_branch: Drift = Drift.FOLLOW
    on_gone_repo: Drift = Drift.HOLD

    def names(self) -> frozenset[RepoKey]:
        """Return every key by which code may ask for this repo."""
        return frozenset({self.key, *(RepoKey.parse(alias) for alias in self.aliases)})

    @property
    def content(self) -> str:
        """The choices that a snapshot's bytes depend on; empty when all are the usual ones."""
        chosen = ["submodules"] if self.submodules else []
        chosen += [f"lfs={self.lfs.value}"] if self.lfs is not Lfs.POINTER else []
        return " ".join(chosen)

    def choosing(self, content: str) -> RepoSpec:
        """Return the same with the choices that ``content`` says."""
        words = content.split()
        lfs = next((word for word in words if word.startswith("lfs=")), f"lfs={Lfs.POINTER.value}")
        chosen = Lfs(lfs.removeprefix("lfs="))
        return replace(self, submodules="submodules" in words, lfs=chosen)


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """The ``settings:`` of a manifest; None means that the writer's own settings decide."""

    jobs: int | None = None
    connections_per_host: int | None = None
    limit_rate_bytes: int | None = None
    max_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A source as its author wants it."""

    name: str
    file: str
    repos: tuple[RepoSpec, ...] = ()
    checkpoints: tuple[CheckpointSpec, ...] = ()
    settings: SyncSettings = SyncSettings()

    def all_checkpoints(self) -> Iterator[CheckpointSpec]:
        """Go through the checkpoints of every repo, and those that belong to none."""
        for repo in self.repos:
            yield from repo.checkpoints
        yield from self.checkpoints
