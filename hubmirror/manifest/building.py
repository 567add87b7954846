"""A checked manifest as records: the last step, which finds no faults any more.

Warns where an explicit sha256 outranks the hash that a file name carries.
"""

from __future__ import annotations

from collections.abc import Iterable

from hubmirror.manifest.addresses import name_repo
from hubmirror.manifest.entrypoints import Call, entrypoint
from hubmirror.manifest.models import (
    CheckpointEntry,
    EntrypointEntry,
    ManifestEntry,
    RepoEntry,
    SettingsEntry,
)
from hubmirror.manifest.values import parse_checksum
from hubmirror.records import Digest, RepoKey
from hubmirror.sizes import parse_rate, parse_size
from hubmirror.specs import (
    CheckpointSpec,
    Drift,
    EntrypointSpec,
    Lfs,
    Manifest,
    RepoSpec,
    SyncSettings,
)


def build(entry: ManifestEntry, *, name: str, file: str) -> Manifest:
    """Return what a manifest wants."""
    return Manifest(
        name=entry.name or name,
        file=file,
        repos=tuple(map(_repo, entry.repos or ())),
        checkpoints=tuple(map(_checkpoint, entry.checkpoints or ())),
        settings=_settings(entry.settings) if entry.settings else SyncSettings(),
    )


def _repo(entry: RepoEntry) -> RepoSpec:
    title, url = name_repo(entry.repo, entry.url)
    key = RepoKey.parse(title)
    names = {RepoKey.parse(alias): alias for alias in reversed(entry.aliases or ())}
    names.pop(key, None)
    return RepoSpec(
        title=title,
        key=key,
        url=url,
        refs=tuple(entry.refs or ()),
        aliases=tuple(reversed(names.values())),
        entrypoints=_entrypoints(entry.entrypoints or ()),
        checkpoints=tuple(map(_checkpoint, entry.checkpoints or ())),
        submodules=entry.submodules,
        lfs=Lfs(entry.lfs),
        max_size_bytes=parse_size(entry.max_size) if entry.max_size else None,
        allow_unreachable=entry.allow_unreachable,
        on_moved_tag=Drift(entry.on_moved_tag),
        on_moved_branch=Drift(entry.on_moved_branch),
        on_gone_repo=Drift(entry.on_gone_repo),
    )


def _entrypoints(entries: Iterable[EntrypointEntry]) -> tuple[EntrypointSpec, ...]:
    specs = (entrypoint(Call(item.name, item.args or (), item.kwargs or {})) for item in entries)
    return tuple(dict.fromkeys(specs))


def _checkpoint(entry: CheckpointEntry) -> CheckpointSpec:
    checksum = parse_checksum(entry.sha256) if entry.sha256 else ""
    return CheckpointSpec(
        url=entry.url,
        sha256=checksum if isinstance(checksum, Digest) else None,
        prefix="" if isinstance(checksum, Digest) else checksum,
        fallbacks=tuple(entry.urls or ()),
        fetch_url=entry.fetch_url,
        on_changed_url=Drift(entry.on_changed_url),
        on_gone_url=Drift(entry.on_gone_url),
    )


def _settings(entry: SettingsEntry) -> SyncSettings:
    return SyncSettings(
        jobs=entry.jobs,
        connections_per_host=entry.connections_per_host,
        limit_rate_bytes=parse_rate(entry.limit_rate) if entry.limit_rate else None,
        max_size_bytes=parse_size(entry.max_size) if entry.max_size else None,
    )
