"""Looks at a node before any model is loaded: what would fail, and what to do about it.

No code of a repo is run. Each thing looked at is a finding, good or bad, in a fixed order.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from hubmirror import filesystem
from hubmirror.errors import ExitCode, HubmirrorError, VerificationError
from hubmirror.evidence import Quarantine
from hubmirror.hub import cache, hooks, requirements
from hubmirror.hub.requirements import Repo, find_lack, pip_line
from hubmirror.hubconf.imports import When, read_imports
from hubmirror.hubconf.snapshot import open_snapshot
from hubmirror.mirror import Mirror, Serving, parse_publication
from hubmirror.records import RepoRow, SnapshotRow, Unit, WeightsKind
from hubmirror.resolve import Spec, resolve
from hubmirror.settings import Settings
from hubmirror.writer_file import WriterFile

STALE_DAYS = 30
"""A publication that is older than this is worth a word, unless the caller says otherwise."""

_LITTLE_ROOM_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What: ``torch``, ``mirror``, a repo.
        message: What was found.
        hint: What to do; empty where nothing needs doing.
        exit_code: How bad it is; ``OK`` with a hint is advice.
        wanted: What pip would have to install.
    """

    subject: str
    message: str
    hint: str = ""
    exit_code: ExitCode = ExitCode.OK
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, and what follows of them."""

    findings: tuple[Finding, ...]

    @property
    def pip(self) -> str:
        """The one line that installs all that is missing, or nothing."""
        wanted = [name for finding in self.findings for name in finding.wanted]
        return pip_line(wanted) if wanted else ""

    @property
    def exit_code(self) -> ExitCode:
        """The mirror's own trouble first: without it nothing loads, whatever is installed."""
        codes = [finding.exit_code for finding in self.findings if finding.exit_code]
        worse = [code for code in codes if code is not ExitCode.INCOMPLETE]
        return (worse or codes or [ExitCode.OK])[0]


def diagnose(settings: Settings, specs: Sequence[Spec], stale_days: int) -> Diagnosis:
    """Look at everything, for these repos or for all that are mirrored."""
    torch_version, findings = "", [_python()]
    for finding in (_torch_installed(), *_torch_works()):
        findings.append(finding)
        if finding.exit_code:
            break
    else:
        torch_version = importlib.metadata.version("torch")
        findings += _layers()
    findings += _settings(settings)
    findings.append(_cache(settings))
    try:
        with Mirror.open(settings.require_mirror()) as mirror:
            asked = settings.publication
            serving = mirror.serving(parse_publication(asked, mirror) if asked else None)
            findings += _mirror(mirror, serving, stale_days)
            quarantine = mirror.quarantine(serving)
            for unit, repo, snapshots in _wanted(serving, specs):
                findings += _unit(mirror, unit, repo, snapshots, torch_version, quarantine)
    except HubmirrorError as error:
        findings.append(Finding("mirror", error.message, error.hint, error.exit_code))
    return Diagnosis(tuple(findings))


def _python() -> Finding:
    return Finding("python", f"{platform.python_version()} at {sys.executable}")


def _torch_installed() -> Finding:
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        missing = "not installed in this environment"
        return Finding("torch", missing, "pip install torch", ExitCode.INCOMPLETE, ("torch",))
    return Finding("torch", f"{version} is installed")


def _torch_works() -> Iterator[Finding]:
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError) as error:  # a library that it needs, or one that is another's
        yield Finding(
            "torch", f"cannot be imported: {error}", "install it again", ExitCode.INCOMPLETE
        )
        return
    yield _cuda(torch)


def _cuda(torch: ModuleType) -> Finding:
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
        return Finding("cuda", f"{torch.version.cuda}: {', '.join(names)}")
    if torch.version.cuda is None:
        return Finding("cuda", "this torch is built for the CPU")
    return Finding(
        "cuda",
        f"this torch is built for CUDA {torch.version.cuda}, and sees no device",
        "look at the driver (nvidia-smi) and at CUDA_VISIBLE_DEVICES",
    )


def _layers() -> Iterator[Finding]:
    """Tell which parts of torch and of HTTP libraries are answered: versions change them."""
    importlib.import_module("torch.hub")
    for layer in hooks.layers():
        waits = layer.reason.startswith("waits for")
        advice = "" if layer.is_active or waits else "load with a version of it that is supported"
        yield Finding("layer", f"{layer.name}: {layer.reason or 'active'}", advice)


def _settings(settings: Settings) -> Iterator[Finding]:
    for name, where in sorted(settings.origins.items()):
        yield Finding("settings", f"{name} is {getattr(settings, name, 'set')} ({where})")


def _cache(settings: Settings) -> Finding:
    folder = cache.chosen_folder(settings)
    advice = "set HUBMIRROR_CACHE to a folder of your own on a local disk of this node"
    if folder is None:
        return Finding("cache", "no place is known: each process has a temporary one", advice)
    if trouble := cache.trouble_with(folder):
        return Finding("cache", f"{folder}: a temporary folder serves instead: {trouble}", advice)
    free = shutil.disk_usage(folder).free
    return Finding(
        "cache",
        f"{folder}: {free / 1e9:.1f} GB free",
        advice if free < _LITTLE_ROOM_BYTES else "",
    )


def _mirror(mirror: Mirror, serving: Serving, stale_days: int) -> Iterator[Finding]:
    publication = serving.publication
    made = datetime.fromisoformat(publication.created_at)
    days = (datetime.now(UTC) - made).days
    yield Finding("mirror", f"{mirror.root}: its catalog is sound")
    yield _file_system(mirror)
    old = f"it is {days} days old: ask whoever runs `hubmirror sync`, or copies the mirror here"
    yield Finding(
        "publication",
        f"sequence {publication.sequence} of {publication.created_at} ({serving.digest.hex[:12]})",
        old if days > stale_days else "",
    )
    if since := WriterFile.read(mirror.root).retired.get(serving.digest):
        soon = "hold to a newer one: `hubmirror prune` will remove it"
        yield Finding("publication", f"retired since {since}", soon)


def _file_system(mirror: Mirror) -> Finding:
    """Say what is safe where the mirror lies; whoever writes it also tries that."""
    safe = filesystem.describe(filesystem.kind_of(mirror.root))
    try:
        if mirror.incoming.stat().st_uid != os.geteuid():
            return Finding("file system", safe)
        failed = filesystem.probe(mirror.incoming)
    except OSError:  # a copy without that folder, a read-only mount, a full disk
        return Finding("file system", safe)
    if failed:
        advice = "read here; write where these are kept, and copy the mirror"
        return Finding("file system", f"{safe}; but it fails: {'; '.join(failed)}", advice)
    return Finding("file system", f"{safe}; locks, renames and links were tried")


def _wanted(
    serving: Serving, specs: Sequence[Spec]
) -> Iterator[tuple[Unit, RepoRow | None, tuple[SnapshotRow, ...]]]:
    for spec in specs:
        found = resolve(serving.catalog, spec)
        yield found.unit, found.repo, (found.snapshot,)
    for unit in () if specs else serving.catalog.units():
        yield unit, unit.repo, unit.repo.snapshots if unit.repo else ()


def _unit(
    mirror: Mirror,
    unit: Unit,
    repo: RepoRow | None,
    snapshots: Sequence[SnapshotRow],
    torch_version: str,
    quarantine: Quarantine,
) -> Iterator[Finding]:
    title = repo.title if repo else unit.name
    if unit.reason:
        advice = "mend the cause where `hubmirror sync` runs"
        yield Finding(title, f"{unit.state}: {unit.reason}", advice)
    for row in quarantine.among(unit.blobs()):
        advice = "ask whoever runs the mirror"
        marked = f"quarantined since {row.at}: {row.reason} (sha256 {row.digest})"
        yield Finding(title, marked, advice, ExitCode.REFUSED)
    damaged = False
    for blob in sorted(unit.blobs()):
        try:
            mirror.blobs.check(blob, full=False)
        except VerificationError as error:
            damaged = True
            yield Finding(title, error.message, error.hint, error.exit_code)
    for snapshot in () if damaged else snapshots:
        known = _describe(title, snapshot, mirror.blobs.path(snapshot.digest))
        lack = find_lack(known, torch_version)
        if lack:
            at = f"{title} at {snapshot.commit[:12]}"
            mend = pip_line(lack.wanted)
            yield Finding(at, lack.reason, mend, ExitCode.INCOMPLETE, lack.wanted)
    kinds = {row.contents.kind for row in unit.checkpoints}
    if WeightsKind.SAFETENSORS in kinds and not requirements.is_installed("safetensors"):
        name = "safetensors"
        missing = f"its weights need {name}, which is not installed"
        yield Finding(title, missing, f"pip install {name}", ExitCode.INCOMPLETE, (name,))


def _describe(title: str, snapshot: SnapshotRow, tar: Path) -> Repo:
    """Say what a repo needs: what it declares, and what its code imports all the same."""
    with open_snapshot(tar) as files:
        imports = read_imports(files.names, files.sources)
    needed = dict.fromkeys((*snapshot.dependencies, *imports.names(When.LOAD)))
    return Repo(title, tar, (), tuple(needed), snapshot.requires_torch, imports.own)
