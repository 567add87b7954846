"""Writes the classic layout of torch.hub, for people who can install nothing.

``DIR/hub/owner_name_ref/`` for every name of every ref, ``DIR/hub/checkpoints/<file name>`` and
``DIR/hub/trusted_list``: with ``TORCH_HOME=DIR`` plain torch.hub finds all of it there.
Invariant: a name appears when its bytes are whole and hashed; what cannot be told apart in that
layout is refused before anything is written.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from hubmirror import files, urls
from hubmirror.blobs import Blobs, hash_file
from hubmirror.catalog import Catalog
from hubmirror.errors import RefusedError, VerificationError
from hubmirror.evidence import Quarantine
from hubmirror.hub.unpacking import unpack
from hubmirror.mirror import Mirror
from hubmirror.records import GITHUB, BlobRef, Digest, RefRow, RepoKey, RepoRow, Unit
from hubmirror.resolve import Spec, resolve

_FICLONE = 0x40049409
_LOCK = ".hubmirror.lock"
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_NOTHING = Quarantine()


@dataclass(frozen=True, slots=True)
class Layout:
    """What is to lie where, in a folder that ``TORCH_HOME`` names.

    Attributes:
        folders: The snapshot of each ``owner_name_ref``.
        checkpoints: The bytes of each file name.
        trusted: The lines of ``trusted_list``.
        left_out: What this layout cannot hold, and why.
    """

    folders: Mapping[str, BlobRef]
    checkpoints: Mapping[str, BlobRef]
    trusted: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Materialized:
    """What was done: names that were written, and those that were there already."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: tuple[str, ...]


def plan_layout(
    catalog: Catalog, specs: Sequence[Spec], quarantine: Quarantine = _NOTHING
) -> Layout:
    """Say what goes where; without specs it is all that the catalog holds.

    Raises:
        RefusedError: naming both, where two things would have one name; when a repo that was
            named, or its weights, are quarantined. Without specs those are left out.
        NotMirroredError: when a spec is not mirrored.
    """
    plan = _Plan(quarantine)
    if specs:
        for spec in specs:
            found = resolve(catalog, spec)
            quarantine.refuse(found.snapshot.digest, str(spec))
            for row in found.unit.checkpoints:
                quarantine.refuse(row.digest, urls.redact(row.url))
            plan.add_repo(found.repo, [found.ref])
            plan.add_checkpoints(found.unit)
    else:
        for unit in catalog.units():
            plan.add_unit(unit)
    return plan.finish()


class _Plan:
    """Collects names, and what wants each of them."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine
        self._folders: dict[str, dict[str, BlobRef]] = {}
        self._checkpoints: dict[str, dict[str, BlobRef]] = {}
        self._trusted: set[str] = set()
        self._left_out: list[str] = []

    def add_unit(self, unit: Unit) -> None:
        if unit.repo and not unit.repo.refs:
            self._left_out.append(f"{unit.repo.title}: {unit.state}: {unit.reason}")
        elif unit.repo:
            self.add_repo(unit.repo, unit.repo.refs)
        self.add_checkpoints(unit)

    def add_repo(self, repo: RepoRow, refs: Iterable[RefRow]) -> None:
        names = [name for name in (repo.title, *repo.aliases) if RepoKey.parse(name).host == GITHUB]
        if not names:
            self._left_out.append(f"{repo.title}: torch.hub asks for repos of github.com only")
        for ref in refs:
            snapshot = next(row for row in repo.snapshots if row.commit == ref.commit)
            blob = BlobRef(snapshot.digest, snapshot.size_bytes)
            for name in () if self._leave_out(f"{repo.title}:{ref.name}", blob) else names:
                self._trusted.add(name.replace("/", "_"))
                for known in _names_of(ref, repo):
                    folder = f"{name}/{known}".replace("/", "_")
                    self._folders.setdefault(folder, {})[f"{name}:{known}"] = blob

    def add_checkpoints(self, unit: Unit) -> None:
        for row in unit.checkpoints:
            shown, name = urls.redact(row.url), urlsplit(row.url).path.rpartition("/")[2]
            if name in ("", ".", ".."):
                self._left_out.append(f"{shown}: its path ends in no file name")
            elif not self._leave_out(shown, row.blob):
                self._checkpoints.setdefault(name, {})[shown] = row.blob

    def _leave_out(self, what: str, blob: BlobRef) -> bool:
        marked = self._quarantine.among([blob])
        self._left_out += [f"{what}: quarantined: {row.reason}" for row in marked]
        return bool(marked)

    def finish(self) -> Layout:
        clashes = [*_clashes(self._folders), *_clashes(self._checkpoints)]
        if clashes:
            raise RefusedError(
                "torch.hub's layout cannot tell these apart:\n" + "\n".join(clashes),
                hint="name the repos that this folder is for (hubmirror materialize SPEC...), or "
                "use `hubmirror run`, which goes by full URLs",
            )
        return Layout(
            folders={name: _only(wanted) for name, wanted in sorted(self._folders.items())},
            checkpoints={name: _only(wanted) for name, wanted in sorted(self._checkpoints.items())},
            trusted=tuple(sorted(self._trusted)),
            left_out=tuple(self._left_out),
        )


def _names_of(ref: RefRow, repo: RepoRow) -> list[str]:
    """Return how a ref may be asked for: a default branch also as what torch.hub guesses."""
    names = [ref.name.removeprefix("refs/heads/").removeprefix("refs/tags/")]
    if ref.name == repo.default_branch:
        own = {one.name for one in repo.refs}
        names += [guess for guess in ("main", "master") if guess not in own]
    return names


def _clashes(wanted: Mapping[str, Mapping[str, BlobRef]]) -> list[str]:
    return [
        f"  {name}: {' and '.join(f'{who} (sha256 {blob.digest})' for who, blob in by.items())}"
        for name, by in sorted(wanted.items())
        if len(set(by.values())) > 1
    ]


def _only(wanted: Mapping[str, BlobRef]) -> BlobRef:
    return next(iter(wanted.values()))


def materialize(mirror: Mirror, layout: Layout, torch_home: Path) -> Materialized:
    """Bring a folder up to a layout; what is there and right stays, whoever was killed before.

    Raises:
        RefusedError: when a repo's folder is there and was not made by hubmirror.
        VerificationError: when a blob is missing or damaged.
        LockedError: when another one is at work on this folder.
        OSError: ENOSPC before the first byte, where it is known not to fit.
    """
    hub = torch_home / "hub"
    checkpoints = hub / "checkpoints"
    files.ensure_folder(checkpoints, _FOLDER_MODE)
    written: list[str] = []
    kept: list[str] = []
    with files.exclusive(torch_home / _LOCK):
        _clear(hub, checkpoints)
        _refuse_foreign(hub, layout.folders)
        missing = [
            blob.size_bytes
            for name, blob in layout.checkpoints.items()
            if not (checkpoints / name).exists()
        ]
        files.check_room(checkpoints, sum(missing))
        for name, blob in layout.folders.items():
            is_there = (hub / name).is_dir() and _made(hub / name) == blob.digest.hex
            (kept if is_there else written).append(name)
            if not is_there:
                _unpack(mirror.blobs.check(blob, full=False), blob.digest, hub / name)
        for name, blob in layout.checkpoints.items():
            is_there = _has(checkpoints / name, blob)
            (kept if is_there else written).append(f"checkpoints/{name}")
            if not is_there:
                _copy(mirror.blobs, blob, checkpoints / name)
        _trust(hub, layout.trusted)
    return Materialized(tuple(written), tuple(kept), layout.left_out)


def _clear(hub: Path, checkpoints: Path) -> None:
    for left in checkpoints.glob("new-*"):
        left.unlink()
    for left in hub.glob("new-*"):
        shutil.rmtree(left)


def _refuse_foreign(hub: Path, folders: Iterable[str]) -> None:
    for folder in (hub / name for name in folders):
        if folder.exists() and not _made(folder):
            raise RefusedError(
                f"{folder}: is there, and was not made by hubmirror",
                hint="move it away, or name another folder with --torch-home",
            )


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.hubmirror")


def _made(folder: Path) -> str:
    """Return the digest that a folder was made from or was about to be, or nothing."""
    try:
        return _mark(folder).read_text()
    except FileNotFoundError:
        return ""


def _unpack(blob: Path, digest: Digest, final: Path) -> None:
    """Unpack a snapshot, hashed on the way, and give it its name in one step.

    The mark comes before the name and after the end of what had it: killed at any step, a folder
    with a mark is whole.
    """
    with tempfile.TemporaryDirectory(prefix="new-", dir=final.parent) as private:
        tree = Path(private) / final.name
        tree.mkdir()
        unpack(blob, digest, tree)
        if final.exists():
            final.rename(Path(private) / "replaced")
        modes = files.Modes(_FILE_MODE, _FOLDER_MODE)
        staging = final.with_name("checkpoints")
        files.write(digest.hex.encode(), _mark(final), staging=staging, modes=modes)
        tree.rename(final)


def _has(path: Path, blob: BlobRef) -> bool:
    try:
        return path.stat().st_size == blob.size_bytes and hash_file(path) == blob.digest
    except FileNotFoundError:
        return False


def _copy(blobs: Blobs, blob: BlobRef, final: Path) -> None:
    source = blobs.check(blob, full=False)
    with files.staged(final.parent) as (stream, path):
        with source.open("rb") as opened:
            got = _clone(opened, stream, path)
        if got != blob.digest:
            raise VerificationError(f"{source}: expected sha256 {blob.digest}, got {got}")
        files.place(path, final, mode=_FILE_MODE, folder_mode=_FOLDER_MODE)


def _clone(source: IO[bytes], copy: IO[bytes], path: Path) -> Digest:
    """Share the blocks of a file where the file system can, else copy them; hashed either way."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
        return hash_file(path)
    summary = hashlib.sha256()
    while piece := source.read(files.CHUNK_BYTES):
        summary.update(piece)
        copy.write(piece)
    copy.flush()
    return Digest(summary.hexdigest())


def _trust(hub: Path, names: Sequence[str]) -> None:
    path = hub / "trusted_list"
    before = path.read_text().splitlines() if path.exists() else []
    lines = [*before, *(name for name in names if name not in before)]
    if lines != before or not path.exists():
        content = "".join(f"{line}\n" for line in lines).encode()
        modes = files.Modes(_FILE_MODE, _FOLDER_MODE)
        files.write(content, path, staging=hub / "checkpoints", modes=modes)
